import { describe, expect, it } from 'vitest';
import { ClusterError } from '../errors.ts';
import { commandNames } from './cli.ts';
import { fakeSession, fakeStatus, fakeWorld, run, unavailable } from './testing/fakes.ts';

const commands: string[][] = [
  ['status'],
  ['update'],
  ...['list', 'show', 'watch', 'pause', 'resume', 'abort', 'revert'].map((verb) => ['updates', verb]),
  ...['list', 'quarantine', 'unquarantine'].map((verb) => ['releases', verb]),
  ['exec'],
  ['bootstrap'],
  ['nodes', 'approve'],
  ['dev', 'up'],
  ['dev', 'down'],
  ...['stage', 'rehearse', 'activate', 'commit', 'rollback', 'status'].map((verb) => ['node', verb]),
  ['daemon'],
  ['supervise'],
  ['mcp'],
  ['version'],
  ['self-test'],
];

describe('help', () => {
  it.each(commands.map((words) => [words.join(' '), words] as const))(
    '%s says what it does, with an example, and what holds without each option',
    async (name, words) => {
      const { code, out } = await run([...words, '--help']);
      expect(code).toBe(0);
      expect(out()).toContain(`Usage: claudecluster ${name}`);
      expect(out()).toContain('--config <file>');
      const [, list = ''] = /Options:\n(.*?)(\n\n|$)/s.exec(out()) ?? [];
      const options = list.split(/\n(?= {2}-)/).map((text) => text.replace(/\s+/g, ' ').trim());
      expect(options.length).toBeGreaterThan(2);
      expect(options.filter((text) => !text.startsWith('-h, --help') && !/default|required/.test(text))).toEqual([]);
      expect(out()).toContain('--json');
      expect(out()).toContain('Examples:');
    },
  );

  it('of the program names every command, and none that is not for people', async () => {
    const { code, out } = await run(['--help']);
    expect(code).toBe(0);
    for (const name of commandNames) expect(out()).toMatch(new RegExp(`^  ${name}\\b`, 'm'));
    expect(out()).not.toContain('rsh');
  });

  it('is what a call without a command gets, as a usage error', async () => {
    const { code, err } = await run([]);
    expect(code).toBe(2);
    expect(err()).toContain('Usage: claudecluster');
  });
});

describe('usage errors', () => {
  it('an unknown command ends with 2 and names the nearest one', async () => {
    const { code, err } = await run(['statsu']);
    expect(code).toBe(2);
    expect(err()).toContain("unknown command 'statsu'");
    expect(err()).toContain('Did you mean status?');
  });

  it('an unknown flag ends with 2 and names the help to read', async () => {
    const { code, out, err } = await run(['update', '--frobnicate']);
    expect(code).toBe(2);
    expect(out()).toBe('');
    expect(err()).toBe("error: unknown option '--frobnicate'\n  next:   claudecluster update --help\n");
  });

  it('with --json the error is one JSON line on stdout, and stderr is empty', async () => {
    const { code, json, err } = await run(['update', '--frobnicate', '--json']);
    expect(code).toBe(2);
    expect(json()).toEqual([
      { error: { code: 'usage', message: "unknown option '--frobnicate'", next: 'claudecluster update --help' } },
    ]);
    expect(err()).toBe('');
  });

  it('a missing argument ends with 2', async () => {
    expect((await run(['updates', 'show'])).code).toBe(2);
    expect((await run(['exec', 'n1'])).code).toBe(2);
  });

  it('an argument too many ends with 2', async () => {
    expect((await run(['status', 'everything'])).code).toBe(2);
  });

  it('no configuration anywhere ends with 2 and says how to name one', async () => {
    const { code, err } = await run(['status'], fakeWorld(fakeSession(), { env: {} }));
    expect(code).toBe(2);
    expect(err()).toContain('--config FILE, or CLAUDECLUSTER_CONFIG');
  });
});

describe('configuration', () => {
  const opened = async (argv: string[], env: Record<string, string>): Promise<string[]> => {
    const files: string[] = [];
    const connect = async (file: string) => {
      files.push(file);
      return fakeSession();
    };
    expect((await run(argv, fakeWorld(fakeSession(), { env, connect }))).code).toBe(0);
    return files;
  };

  it('is named by the flag of the command, the flag of the program, or the environment, in this order', async () => {
    expect(await opened(['status', '--config', 'a'], { CLAUDECLUSTER_CONFIG: 'c' })).toEqual(['a']);
    expect(await opened(['--config', 'b', 'status'], { CLAUDECLUSTER_CONFIG: 'c' })).toEqual(['b']);
    expect(await opened(['status'], { CLAUDECLUSTER_CONFIG: 'c' })).toEqual(['c']);
  });

  it('may have the name of a command', async () => {
    expect(await opened(['--config', 'update', 'status'], {})).toEqual(['update']);
  });
});

describe('errors', () => {
  it('are printed as what, node, seen, wanted and next', async () => {
    const detail = { nodeId: 'n2', seen: 'two\nlines', wanted: 'one', next: 'look' };
    const status = async () => Promise.reject(new ClusterError('denied', 'not allowed', detail));
    const { code, err } = await run(['status'], fakeWorld(fakeSession({ status })));
    expect(code).toBe(1);
    expect(err()).toBe(
      'error: not allowed\n  node:   n2\n  seen:   two\n          lines\n  wanted: one\n  next:   look\n',
    );
  });

  it('cannot move the cursor of the one who reads them', async () => {
    const status = async () => Promise.reject(new ClusterError('internal', 'a\u001b[2Jb'));
    expect((await run(['status'], fakeWorld(fakeSession({ status })))).err()).toBe('error: a [2Jb\n');
  });

  it('close the session all the same', async () => {
    let closed = 0;
    const session = fakeSession(
      { status: async () => Promise.reject(unavailable) },
      {
        close: async () => {
          closed += 1;
        },
      },
    );
    await run(['status'], fakeWorld(session));
    expect(closed).toBe(1);
  });
});

describe('status', () => {
  it('prints one JSON document with --json', async () => {
    const { code, json } = await run(['status', '--json']);
    expect(code).toBe(0);
    expect(json()).toEqual([fakeStatus()]);
  });

  it('--watch shows it again until Ctrl-C, and prints only what changed', async () => {
    let calls = 0;
    const world: ReturnType<typeof fakeWorld> = fakeWorld(
      fakeSession({
        status: async () => {
          calls += 1;
          if (calls === 4) world.interrupt.abort();
          return fakeStatus(calls > 2 ? { release: null } : {});
        },
      }),
    );
    const { code, out } = await run(['status', '--watch'], world);
    expect(code).toBe(0);
    expect(calls).toBe(4);
    expect(out().match(/quorum/g)).toHaveLength(2);
  });

  it('--watch stays through a change of leader', async () => {
    let calls = 0;
    const world: ReturnType<typeof fakeWorld> = fakeWorld(
      fakeSession({
        status: async () => {
          calls += 1;
          if (calls === 1) throw unavailable;
          world.interrupt.abort();
          return fakeStatus();
        },
      }),
    );
    const { code, out } = await run(['status', '--watch'], world);
    expect(code).toBe(0);
    expect(out()).toContain('no node answers');
    expect(out()).toContain('quorum 3 of 3');
  });

  it('--watch that ends with an error gives the cursor back', async () => {
    let calls = 0;
    const status = async () => {
      calls += 1;
      if (calls === 2) throw new ClusterError('denied', 'a certificate of another cluster');
      return fakeStatus();
    };
    const { code, out } = await run(['status', '--watch'], fakeWorld(fakeSession({ status }), { isTty: true }));
    expect(code).toBe(1);
    expect(out().lastIndexOf('\u001b[?25h')).toBeGreaterThan(out().lastIndexOf('\u001b[?25l'));
  });
});
