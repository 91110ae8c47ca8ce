import { describe, expect, it } from 'vitest';
import { copyArgv, parseRshArgv, pullArgv, pushArgv, rshOption, serverArgv } from './argv.ts';

const hash = 'a'.repeat(64);

describe('what rsync is started with', () => {
  it('pulls one release into a directory, against the releases that are there', () => {
    const argv = pullArgv({
      rshCommand: ['node', 'x'],
      hash,
      into: '/b c/releases/h.partial',
      have: ['/b c/releases/r1'],
    });
    expect(argv.slice(0, 6)).toEqual(['rsync', '--recursive', '--links', '--perms', '--checksum', '--delete']);
    expect(argv).toContain('--copy-dest=/b c/releases/r1');
    expect(argv.slice(-2)).toEqual([`release:${hash}/`, '/b c/releases/h.partial/']);
  });

  it('names at most twenty releases to copy from, which is what rsync takes', () => {
    const have = Array.from({ length: 30 }, (_, n) => `/r/${n}`);
    const copied = copyArgv({ from: '/from', into: '/into', have }).filter((word) => word.startsWith('--copy-dest='));
    expect(copied).toHaveLength(20);
    expect(copied[0]).toBe('--copy-dest=/r/0');
  });

  it('never has files share an inode, on any of its ways', () => {
    const have = ['/r/1'];
    const all = [
      pullArgv({ rshCommand: ['x'], hash, into: '/i', have }),
      copyArgv({ from: '/from', into: '/into', have }),
      serverArgv({ direction: 'push', capabilities: 'i', have }),
    ].flat();
    expect(all.filter((word) => word.includes('link'))).toEqual(['--links', '--links']);
  });

  it('asks neither end for owners, times or devices', () => {
    const all = [
      pullArgv({ rshCommand: ['x'], hash, into: '/i', have: [] }),
      pushArgv({ rshCommand: ['x'], hash, dir: '/d' }),
    ].flat();
    for (const word of all) expect(word).not.toMatch(/^(--times|--owner|--group|--devices|--archive|-[a-zA-Z]*[togD])/);
  });

  it('quotes the remote shell as rsync reads it', () => {
    expect(rshOption(['/opt/my node', "it's", 'a"b'])).toBe(`--rsh='/opt/my node' 'it''s' 'a"b'`);
    expect(() => rshOption([])).toThrow(expect.objectContaining({ code: 'usage' }));
  });

  it('serves with arguments of our own; of the client only the capabilities are taken', () => {
    expect(serverArgv({ direction: 'pull', capabilities: 'iLsfxCIvu', have: [] })).toEqual([
      'rsync',
      '--server',
      '--sender',
      '-lprce.iLsfxCIvu',
      '.',
      './',
    ]);
    expect(serverArgv({ direction: 'push', capabilities: '31.14iLs', have: ['/r'] })).not.toContain('--sender');
    for (const capabilities of ['i -x', '--daemon', 'i/..', 'i\n', '.', 'a'.repeat(40)]) {
      expect(() => serverArgv({ direction: 'pull', capabilities, have: [] })).toThrow(
        expect.objectContaining({ code: 'usage' }),
      );
    }
  });
});

describe('what rsync tells its remote shell', () => {
  const words = (...rest: string[]): string[] => ['release', 'rsync', '--server', ...rest];

  it('is read as one release, a direction and the capabilities', () => {
    expect(parseRshArgv(words('--sender', '-lprce.iLsfxCIvu', '.', `${hash}/`))).toEqual({
      direction: 'pull',
      hash,
      capabilities: 'iLsfxCIvu',
    });
    expect(parseRshArgv(['--', ...words('-lprce.LsfxC', '--delete', '.', `${hash}/`)])).toMatchObject({
      direction: 'push',
      capabilities: 'LsfxC',
    });
  });

  it.each([
    [[]],
    [words('--sender', '-lprce.i', '.', '/etc/')],
    [words('--sender', '-lprce.i', '.', `../${hash}/`)],
    [words('--sender', '-lprce.i', `${hash}/`)],
    [words('--sender', '-lprc', '.', `${hash}/`)],
    [words('--sender', '-lprce.i;ls', '.', `${hash}/`)],
    [['release', 'sh', '-c', '-lprce.i', '.', `${hash}/`]],
  ])('and refused when it is anything else: %j', (argv) => {
    expect(() => parseRshArgv(argv)).toThrow(expect.objectContaining({ code: 'usage' }));
  });
});
