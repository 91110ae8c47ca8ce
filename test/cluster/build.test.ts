import { execFile, spawn } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readVersion } from '../../src/release/version.ts';
import { repoRoot } from '../support/cli.ts';
import { makeRelease } from '../support/releases.ts';
import { removeDir, tempDir } from '../support/temp.ts';

const { version: packageVersion } = JSON.parse(readFileSync(join(repoRoot, 'package.json'), 'utf8')) as {
  version: string;
};

const run = promisify(execFile);
const script = (name: string): string => join(repoRoot, 'scripts', name);

interface Exit {
  code: number | string;
  stdout: string;
  stderr: string;
}
const exitOf = (argv: string[], cwd = repoRoot): Promise<Exit> =>
  run(process.execPath, argv, { cwd, timeout: 60_000 }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: Exit) => error,
  );

/** A repository with a program that loads what a release needs at run time: every library that reads files of its own. */
const program = `
import { Client, Server, ServerCredentials, credentials } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';
import { Etcd3 } from 'etcd3';
import { join } from 'node:path';
declare const CLAUDECLUSTER_BUNDLED: boolean;
declare const CLAUDECLUSTER_PACKAGE: string;

const definition = loadSync(join(__dirname, 'proto/claudecluster.proto'));
const server = new Server();
const agent = definition['claudecluster.v1.AgentService'];
server.addService(agent, { HealthCheck: (_call, done) => done(null, { healthy: true, incarnation: 'a1' }) });
new ReflectionService(definition).addToServer(server);
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  const client = new Client('127.0.0.1:' + port, credentials.createInsecure());
  const check = agent.HealthCheck;
  client.makeUnaryRequest(check.path, check.requestSerialize, check.responseDeserialize, {}, (failed, reply) => {
    const etcd = new Etcd3({ hosts: '127.0.0.1:1' });
    etcd.close();
    const { responseSerialize, responseDeserialize } = loadSync(join(__dirname, 'proto/etcd3/rpc.proto'), { longs: String })['etcdserverpb.KV'].Range;
    const { revision } = responseDeserialize(responseSerialize({ header: { revision: '9223372036854775807' } })).header;
    process.stdout.write(JSON.stringify({
      failed: failed?.message, reply, bundled: CLAUDECLUSTER_BUNDLED, own: JSON.parse(CLAUDECLUSTER_PACKAGE), revision,
      services: Object.keys(definition).filter((name) => name.endsWith('Service')),
    }));
    client.close();
    server.forceShutdown();
  });
});
`;

function scratchRepo(dir: string): string {
  for (const part of ['src/cli', 'src/trial', 'proto']) mkdirSync(join(dir, part), { recursive: true });
  cpSync(join(repoRoot, 'package.json'), join(dir, 'package.json'));
  cpSync(join(repoRoot, 'proto/claudecluster.proto'), join(dir, 'proto/claudecluster.proto'));
  symlinkSync(join(repoRoot, 'node_modules'), join(dir, 'node_modules'));
  writeFileSync(join(dir, 'src/cli/main.ts'), program);
  writeFileSync(
    join(dir, 'src/trial/guard-main.ts'),
    "import { readFileSync } from 'node:fs';\nconsole.log(typeof readFileSync);\n",
  );
  return dir;
}

let scratch: string;
let repo: string;
beforeAll(async () => {
  scratch = tempDir('build');
  repo = scratchRepo(join(scratch, 'one repository'));
  await run(process.execPath, [script('build.js'), '--repo', repo]);
});
afterAll(() => removeDir(scratch));

describe('a build', () => {
  it('runs from a directory with nothing but itself', async () => {
    const alone = join(scratch, 'alone', 'deep');
    cpSync(join(repo, 'dist'), alone, { recursive: true });
    const { stdout } = await run(join(alone, 'index.js'), { cwd: '/', env: { PATH: process.env.PATH } });
    expect(JSON.parse(stdout)).toEqual({
      reply: { healthy: true, incarnation: 'a1' },
      bundled: true,
      own: { name: 'claudecluster', version: packageVersion, protocol: { min: 1, max: 1 }, node: '>=20.19' },
      revision: '9223372036854775807',
      services: ['claudecluster.v1.AgentService', 'claudecluster.v1.ClusterService'],
    });
    expect((await run(process.execPath, [join(alone, 'guard.js')])).stdout).toBe('function\n');
  });

  it('has the same hash from another directory, under another umask, at another time', async () => {
    const other = scratchRepo(join(scratch, 'somewhere', 'else'));
    const umask = ['-c', 'umask 077; exec "$@"', 'sh', process.execPath, script('build.js'), '--repo', other];
    await run('sh', umask, { cwd: '/' });
    const one = await readVersion(join(repo, 'dist'));
    const two = await readVersion(join(other, 'dist'));
    expect(two.buildHash).toBe(one.buildHash);
    expect(two.builtAt).not.toBe(one.builtAt);
    expect(statSync(join(other, 'dist/index.js')).mode & 0o777).toBe(0o555);
    expect(statSync(join(other, 'dist/guard.js')).mode & 0o777).toBe(0o444);
  });

  it('that fails leaves the one before as it was', async () => {
    const broken = scratchRepo(join(scratch, 'broken'));
    await run(process.execPath, [script('build.js'), '--repo', broken]);
    const before = await readVersion(join(broken, 'dist'));
    writeFileSync(join(broken, 'src/cli/main.ts'), "import './missing.ts';\n");
    expect(await exitOf([script('build.js'), '--repo', broken])).toMatchObject({ code: 1 });
    expect(await readVersion(join(broken, 'dist'))).toEqual(before);
    expect(readdirSync(broken).filter((name) => name.startsWith('dist'))).toEqual(['dist']);
  });

  it('never replaces the live release of a node', async () => {
    const live = join(scratch, 'live');
    mkdirSync(live);
    symlinkSync('releases/x', join(live, 'dist'));
    const exit = await exitOf([script('build.js'), '--repo', repo, '--out', join(live, 'dist')]);
    expect(exit).toMatchObject({ code: 1, stderr: expect.stringContaining('live release') });
  });

  it.each(['build.js', 'make-build.js', 'write-version.js'])(
    '%s has help, and exit code 2 for what it does not know',
    async (name) => {
      expect(await exitOf([script(name), '--help'])).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('Usage:'),
      });
      expect(await exitOf([script(name), '--nonsense'])).toMatchObject({ code: 2 });
    },
  );
});

describe('write-version', () => {
  it('stamps any directory, the same way every time', async () => {
    const dir = join(scratch, 'a tree');
    await makeRelease(dir);
    rmSync(join(dir, 'version.json'));
    const first = JSON.parse((await run(process.execPath, [script('write-version.js'), dir])).stdout);
    utimesSync(join(dir, 'index.js'), 1, 1);
    const second = JSON.parse((await run(process.execPath, [script('write-version.js'), dir], { cwd: '/' })).stdout);
    expect(second.buildHash).toBe(first.buildHash);
    expect(await readVersion(dir)).toEqual(second);
    expect(second).toMatchObject({ version: packageVersion, protocol: { min: 1, max: 1 }, node: '>=20.19' });
    expect(second.gitCommit).toMatch(/^[0-9a-f]{7,40}$/);
    expect(readdirSync(dir).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('keeps what a build says of itself: its package.json, then its earlier stamp', async () => {
    const dir = join(scratch, 'another tree');
    await makeRelease(dir);
    const earlier = JSON.parse(readFileSync(join(dir, 'version.json'), 'utf8'));
    writeFileSync(
      join(dir, 'version.json'),
      JSON.stringify({ ...earlier, protocol: { min: 2, max: 5 }, node: '>=22' }),
    );
    writeFileSync(join(dir, 'package.json'), '{"version":"9.9.9"}');
    await run(process.execPath, [script('write-version.js'), dir]);
    expect(await readVersion(dir)).toMatchObject({
      version: '9.9.9',
      protocol: { min: 2, max: 5 },
      node: '>=22',
      gitCommit: 'abc1234',
    });
  });

  it('says what the build needs of the others, where its package.json does', async () => {
    const dir = join(scratch, 'a tree with needs');
    await makeRelease(dir);
    const needs = { protocol: 2, from: '>=0.2.0', through: '0.2.0' };
    writeFileSync(join(dir, 'package.json'), JSON.stringify({ version: '0.3.0', claudecluster: { needs } }));
    await run(process.execPath, [script('write-version.js'), dir]);
    expect(await readVersion(dir)).toMatchObject({ version: '0.3.0', needs });
  });

  it('refuses by name what a release must not hold, and leaves no stamp', async () => {
    const dir = join(scratch, 'bad tree');
    await makeRelease(dir);
    rmSync(join(dir, 'version.json'));
    symlinkSync('/etc/passwd', join(dir, 'users'));
    expect(await exitOf([script('write-version.js'), dir])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('users'),
    });
    expect(existsSync(join(dir, 'version.json'))).toBe(false);
    expect(await exitOf([script('write-version.js'), join(scratch, 'missing')])).toMatchObject({ code: 1 });
  });
});

describe('a variant', () => {
  let from: string;
  beforeAll(async () => {
    from = join(scratch, 'good');
    await makeRelease(from, {
      'index.js':
        "process.stdout.write('real ' + process.argv.slice(2).join(' '));\nif (process.argv[2] === 'daemon') setInterval(() => {}, 1000);\n",
    });
    chmodSync(from, 0o555);
  });
  const make = async (name: string, ...words: string[]): Promise<string> => {
    const to = join(scratch, name);
    await run(process.execPath, [script('make-build.js'), '--from', from, '--to', to, ...words]);
    return to;
  };

  it('differs from what it was made of, by its note', async () => {
    const one = await readVersion(await make('v1', '--note', 'one'));
    const two = await readVersion(await make('v2', '--note', 'two'));
    expect(new Set([one.buildHash, two.buildHash, (await readVersion(from)).buildHash]).size).toBe(3);
    expect(await exitOf([script('make-build.js'), '--from', from, '--to', join(scratch, 'v1')])).toMatchObject({
      code: 1,
    });
    expect(await exitOf([script('make-build.js'), '--to', join(scratch, 'v3'), '--behaviour', 'sulk'])).toMatchObject({
      code: 2,
    });
  });

  it('that crashes does so as a daemon only', async () => {
    const dir = await make('crash', '--behaviour', 'crash');
    expect(await exitOf([join(dir, 'index.js'), 'daemon', '--config', 'x'])).toMatchObject({
      code: 1,
      stderr: 'this build crashes at start\n',
    });
    expect(await exitOf([join(dir, 'index.js'), '--config', 'x', 'daemon'])).toMatchObject({ code: 1 });
    expect(await exitOf([join(dir, 'index.js'), 'node', 'status'])).toMatchObject({
      code: 0,
      stdout: 'real node status',
    });
  });

  it('that fails its self-test does nothing else wrong', async () => {
    const dir = await make('unfit', '--behaviour', 'self-test-fails');
    expect(await exitOf([join(dir, 'index.js'), 'self-test'])).toMatchObject({ code: 1 });
    expect(await exitOf([join(dir, 'index.js'), 'version'])).toMatchObject({ code: 0 });
  });

  it('that hangs stays alive and does nothing', async () => {
    const dir = await make('hang', '--behaviour', 'never-healthy');
    const child = spawn(process.execPath, [join(dir, 'index.js'), 'daemon'], { stdio: ['ignore', 'pipe', 'pipe'] });
    const said = await new Promise((done) => child.stderr.once('data', done));
    expect(String(said)).toContain('never gets healthy');
    expect(child.exitCode).toBeNull();
    child.kill();
    await new Promise((done) => child.once('close', done));
  });

  it('that dies runs the real daemon until it was healthy for so long', async () => {
    const dir = await make('dies', '--behaviour', 'dies-after=100');
    const base = join(scratch, 'a base');
    mkdirSync(join(base, 'run'), { recursive: true });
    writeFileSync(join(scratch, 'config.yaml'), 'nodeId: n1\nbase: "a base"\n');
    const child = spawn(process.execPath, [join(dir, 'index.js'), 'daemon', '--config', join(scratch, 'config.yaml')]);
    const ended = new Promise((done) => child.once('close', (_code, signal) => done(signal)));
    const said = await new Promise((done) => child.stdout.once('data', done));
    expect(String(said)).toContain('real daemon');
    expect(child.exitCode).toBeNull();
    writeFileSync(join(base, 'run/healthy.json'), '{}');
    expect(await ended).toBe('SIGKILL');
  });
});
