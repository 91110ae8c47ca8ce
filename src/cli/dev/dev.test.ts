import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { systemClock } from '../../adapters/system-clock.ts';
import { loadClientConfig, loadNodeConfig } from '../../daemon/config.ts';
import { bootstrapSchema } from '../../members/bootstrap-files.ts';
import { fakeClock, fakeSession, fakeStatus, fakeWorld, newVersion, run } from '../testing/fakes.ts';
import { type CreateRequest, createDevCluster, readDevCluster } from './create.ts';
import { missing } from './healthy.ts';
import { bootstrapOf, layOut, nodeConfigText, portsNeeded, wrapperText } from './layout.ts';
import { followLogs, logTails } from './logs.ts';
import { removeCluster, takePlace } from './place.ts';
import { freePorts } from './ports.ts';
import { canonical, processesOf } from './processes.ts';

const dirs: string[] = [];
const temp = (): string => {
  const dir = mkdtempSync(join(tmpdir(), 'claudecluster-dev-'));
  dirs.push(dir);
  return dir;
};
afterEach(() => {
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true, force: true });
});

const layout = (dir = '/c') =>
  layOut(dir, { clusterId: 'dev-1', voters: 2, workers: 1, heartbeatMs: 1000, ports: [1, 2, 3, 4, 5, 6, 7] });

describe('the layout', () => {
  it('gives every voter three ports and every worker one, all different', () => {
    expect(portsNeeded(2, 1)).toBe(7);
    expect(layout().nodes).toEqual([
      {
        nodeId: 'n1',
        role: 'voter',
        address: '127.0.0.1:1',
        base: '/c/n1',
        etcd: { client: '127.0.0.1:2', peer: '127.0.0.1:3' },
      },
      {
        nodeId: 'n2',
        role: 'voter',
        address: '127.0.0.1:4',
        base: '/c/n2',
        etcd: { client: '127.0.0.1:5', peer: '127.0.0.1:6' },
      },
      { nodeId: 'w1', role: 'worker', address: '127.0.0.1:7', base: '/c/w1', etcd: null },
    ]);
  });

  it('a worker uses the etcd of the voters', () => {
    const cluster = layout();
    const worker = cluster.nodes.find(({ role }) => role === 'worker');
    if (!worker) throw new Error('no worker');
    expect(parse(nodeConfigText(cluster, worker))).toMatchObject({
      role: 'worker',
      etcd: {
        endpoints: ['127.0.0.1:2', '127.0.0.1:5'],
        tls: { ca: 'data/tls/etcd/ca.pem', cert: 'data/tls/etcd/w1.pem' },
      },
    });
  });

  it('founds one group of the voters, and knows every node from the start', () => {
    expect(bootstrapSchema.parse(bootstrapOf(layout()))).toEqual({
      clusterId: 'dev-1',
      kind: 'new',
      initialCluster: [
        { name: 'n1', peer: '127.0.0.1:3' },
        { name: 'n2', peer: '127.0.0.1:6' },
      ],
      nodes: ['n1', 'n2', 'w1'],
    });
  });

  it('the wrapper survives any path, and an environment that names another configuration', () => {
    const dir = join(temp(), 'it\'s $HOME; "x"');
    mkdirSync(dir);
    const script = join(dir, 'cc');
    writeFileSync(join(dir, 'main.js'), 'console.log(process.env.CLAUDECLUSTER_CONFIG, ...process.argv.slice(2))');
    writeFileSync(script, wrapperText(process.execPath, join(dir, 'main.js'), join(dir, 'config.yaml')), {
      mode: 0o755,
    });
    const env = (config?: string): NodeJS.ProcessEnv => ({
      PATH: process.env.PATH,
      ...(config ? { CLAUDECLUSTER_CONFIG: config } : {}),
    });
    const said = (config?: string): string =>
      execFileSync(script, ['a b', '$x'], { encoding: 'utf8', env: env(config) }).trim();
    expect(said()).toBe(`${join(dir, 'config.yaml')} a b $x`);
    expect(said('/other')).toBe('/other a b $x');
  });
});

describe('ports', () => {
  it('are free, different, and where outgoing connections do not take them', async () => {
    const ports = await freePorts(12, systemClock);
    expect(new Set(ports).size).toBe(12);
    for (const port of ports) expect(port >= 20_000 && port < 32_000).toBe(true);
    const server = createServer();
    await new Promise<void>((done) => server.listen(ports[0], '127.0.0.1', done));
    server.close();
  });

  it('that somebody holds are passed over', async () => {
    const clock = fakeClock();
    const held = createServer();
    await new Promise<void>((done) => held.listen({ host: '127.0.0.1', port: 20_001, exclusive: true }, done));
    const [port] = await freePorts(1, clock);
    await new Promise((done) => held.close(done));
    expect(port).toBe(20_002);
  });
});

function creating(dir: string): { request: CreateRequest; create: () => ReturnType<typeof createDevCluster> } {
  const request = { dir, voters: 2, workers: 1, heartbeatMs: 1000, release: '/build', version: newVersion };
  const importRelease = async (base: string) => {
    const release = join(base, 'releases', newVersion.buildHash);
    mkdirSync(release, { recursive: true });
    writeFileSync(join(release, 'index.js'), '');
  };
  const deps = {
    clock: systemClock,
    execPath: process.execPath,
    importRelease,
    issueCertificates: async () => undefined,
  };
  return { request, create: () => createDevCluster(deps, request) };
}

describe('making a cluster', () => {
  it('writes configurations that load, a release behind dist, and how to found the group', async () => {
    const dir = temp();
    const cluster = await creating(dir).create();
    for (const node of cluster.nodes) {
      const config = loadNodeConfig(join(node.base, 'config.yaml'));
      expect(config).toMatchObject({
        nodeId: node.nodeId,
        base: node.base,
        heartbeatMs: 1000,
        advertise: node.address,
      });
      expect(config.tls.key).toBe(join(node.base, 'data', 'tls', `${node.nodeId}.key`));
      expect(readlinkSync(join(node.base, 'dist'))).toBe(`releases/${newVersion.buildHash}`);
      expect(existsSync(join(node.base, 'data', 'bootstrap.json'))).toBe(true);
      expect(statSync(join(node.base, 'bin', 'claudecluster')).mode & 0o777).toBe(0o755 & ~process.umask());
    }
    expect(loadClientConfig(join(dir, 'config.yaml')).addresses).toEqual(cluster.nodes.map(({ address }) => address));
    expect(readDevCluster(dir)).toEqual(cluster);
  });

  it('is known again after the directory was moved', async () => {
    const dir = temp();
    await creating(dir).create();
    symlinkSync(dir, `${dir}-moved`);
    dirs.push(`${dir}-moved`);
    expect(readDevCluster(`${dir}-moved`)?.nodes[0]?.base).toBe(join(`${dir}-moved`, 'n1'));
  });

  it("somebody else's directory is refused, and left as it is", async () => {
    const dir = temp();
    writeFileSync(join(dir, 'thesis.txt'), 'x');
    await expect(creating(dir).create()).rejects.toMatchObject({ code: 'usage', detail: { seen: 'thesis.txt' } });
    expect(readFileSync(join(dir, 'thesis.txt'), 'utf8')).toBe('x');
  });

  it('one that was cut off is no cluster, and is made anew', async () => {
    const dir = temp();
    const { create } = creating(dir);
    writeFileSync(join(dir, 'dev.making'), '');
    mkdirSync(join(dir, 'n1', 'releases'), { recursive: true });
    expect(readDevCluster(dir)).toBeNull();
    expect((await create()).nodes).toHaveLength(3);
  });

  it('a marker that cannot be read is an error that says how to get rid of it', () => {
    const dir = temp();
    writeFileSync(join(dir, 'dev.json'), '{"v":1');
    expect(() => readDevCluster(dir)).toThrow(expect.objectContaining({ code: 'config' }));
  });
});

describe('what is still missing', () => {
  const cluster = layOut('/c', { clusterId: 'dev-1', voters: 3, workers: 0, heartbeatMs: 1, ports: [] });

  it('is nothing when every node is healthy', () => expect(missing(cluster, fakeStatus())).toBe(''));

  it('names the node and its reason', () => {
    const status = fakeStatus();
    const [, n2] = status.nodes;
    if (n2) Object.assign(n2, { healthy: false, reasons: ['etcd is starting'] });
    status.nodes.pop();
    expect(missing(cluster, status)).toBe('n2 is active: etcd is starting; n3 is not known yet');
  });
});

describe('logs', () => {
  it('are followed from where they are, with the name of the node, and through a rotation', async () => {
    const base = temp();
    const [node] = layOut('/c', { clusterId: 'd', voters: 1, workers: 0, heartbeatMs: 1, ports: [] }).nodes;
    if (!node) throw new Error('no node');
    mkdirSync(join(base, 'log'));
    const log = join(base, 'log', 'daemon.log');
    writeFileSync(log, 'long before\n');
    const stop = new AbortController();
    const written: string[] = [];
    const states = [
      () => writeFileSync(log, 'long before\none\nhal'),
      () => writeFileSync(log, 'long before\none\nhalf\n'),
      () => writeFileSync(log, 'new\n'),
      () => undefined,
      () => stop.abort(),
    ];
    const clock = { ...fakeClock(), sleep: async () => states.shift()?.() };
    await followLogs([{ ...node, base }], clock, stop.signal, async (text) => void written.push(text));
    expect(written).toEqual(['n1 | one\n', 'n1 | half\n', 'n1 | new\n']);
    expect(logTails([{ ...node, base }], 1)).toBe('--- n1 daemon.log\nnew');
  });
});

describe('processes', () => {
  it('nothing that only names the directory is taken for a node', () => {
    const [node] = layOut(process.cwd(), { clusterId: 'd', voters: 1, workers: 0, heartbeatMs: 1, ports: [] }).nodes;
    expect(node && processesOf(node)).toEqual([]);
  });

  it('a directory has one name, whichever link leads to it, before and after it is made', () => {
    const dir = canonical(temp());
    symlinkSync(dir, `${dir}-link`);
    dirs.push(`${dir}-link`);
    expect(canonical(join(`${dir}-link`, 'a', 'b'))).toBe(join(dir, 'a', 'b'));
  });
});

describe('dev up and down', () => {
  it.each([
    [['up', '--nodes', '0']],
    [['up', '--nodes', '9']],
    [['up', '--heartbeat', '5']],
    [['up', '--workers', '-1']],
  ])('%j is a usage error, and makes nothing', async (argv) => {
    const dir = join(temp(), 'c');
    expect((await run(['dev', ...argv, '--dir', dir])).code).toBe(2);
    expect(existsSync(dir)).toBe(false);
  });

  /** A host with these programs and no others. */
  const hostWith = (...programs: string[]): Record<string, string> => {
    const bin = temp();
    const says: Record<string, string> = { etcd: 'etcd Version: 3.4.23', rsync: 'rsync  version 3.2.7' };
    for (const name of programs) {
      writeFileSync(join(bin, name), `#!/bin/sh\necho '${says[name]}'\n`, { mode: 0o755 });
    }
    return { PATH: bin };
  };
  const up = (dir: string, env: Record<string, string>, ...more: string[]) =>
    run(['dev', 'up', '--dir', dir, ...more], fakeWorld(fakeSession(), { env }));

  it.each([
    [['rsync'], 'etcd is not installed', 'etcd-server'],
    [['etcd'], 'rsync is not installed', 'apt-get install rsync'],
    [[], 'etcd is not installed on this host; rsync is not installed', 'apt-get install rsync'],
  ])('up on a host with only %j says at once what is missing and how to install it', async (programs, what, how) => {
    const dir = join(temp(), 'c');
    const { code, err } = await up(dir, hostWith(...programs));
    expect([code, existsSync(dir)]).toEqual([5, false]);
    expect(err()).toContain(what);
    expect(err()).toContain(how);
  });

  it('up that fails leaves no directory that was not there before', async () => {
    const top = temp();
    const build = temp();
    const { code } = await up(join(top, 'a', 'b'), hostWith('etcd', 'rsync'), '--release', build);
    expect([code, readdirSync(top)]).toEqual([3, []]);
  });

  it('up that fails in an empty directory leaves it, and leaves it empty', async () => {
    const dir = temp();
    const { code } = await up(dir, hostWith('etcd', 'rsync'), '--release', temp());
    expect([code, readdirSync(dir)]).toEqual([3, []]);
  });

  it('up that fails leaves what somebody put beside it meanwhile', async () => {
    const top = temp();
    const undo = takePlace(join(top, 'a', 'b'));
    writeFileSync(join(top, 'a', 'thesis.txt'), 'x');
    writeFileSync(join(top, 'a', 'b', 'dev.making'), '');
    await undo();
    expect([readdirSync(top), readdirSync(join(top, 'a'))]).toEqual([['a'], ['thesis.txt']]);
  });

  it("up refuses another user's directory, cluster or not, and says what to do", async () => {
    const dir = temp();
    writeFileSync(join(dir, 'dev.json'), '{}');
    const me = process.getuid?.() ?? 0;
    vi.spyOn(process, 'getuid').mockReturnValue(me + 1);
    const { code, err } = await up(dir, hostWith('etcd', 'rsync'));
    vi.restoreAllMocks();
    expect(code).toBe(2);
    expect(err()).toContain('belongs to another user');
    expect(err()).toContain('give another --dir, or run it as the owner');
    expect(readdirSync(dir)).toEqual(['dev.json']);
  });

  it('up refuses what is no directory', async () => {
    const file = join(temp(), 'c');
    writeFileSync(file, 'x');
    const { code, err } = await up(file, hostWith('etcd', 'rsync'));
    expect([code, readFileSync(file, 'utf8')]).toEqual([2, 'x']);
    expect(err()).toContain('is no directory');
  });

  it('down where there is nothing is nothing to do', async () => {
    const dir = join(temp(), 'c');
    const { code, json } = await run(['dev', 'down', '--dir', dir, '--purge', '--json']);
    expect(code).toBe(0);
    expect(json()).toEqual([{ dir, nodes: 0, ended: [], purged: false }]);
  });

  it('down --purge removes read-only releases too, also for who is not root', async () => {
    const dir = join(temp(), 'c');
    const release = join(dir, 'n1', 'releases', 'a'.repeat(64));
    mkdirSync(join(release, 'proto'), { recursive: true });
    writeFileSync(join(dir, 'dev.making'), '');
    writeFileSync(join(release, 'proto', 'a.proto'), '');
    for (const sealed of [join(release, 'proto'), release]) chmodSync(sealed, 0o555);
    const { code, json } = await run(['dev', 'down', '--dir', dir, '--purge', '--json']);
    expect({ code, left: existsSync(dir) }).toEqual({ code: 0, left: false });
    expect(json()).toEqual([{ dir, nodes: 0, ended: [], purged: true }]);
  });

  it.each(['dev.json', 'dev.making'])('a purge that is cut short leaves %s, and can be made again', async (mark) => {
    const dir = temp();
    const others = ['a', 'n1', 'z'].map((name) => join(dir, name));
    for (const path of [...others, join(dir, mark)]) writeFileSync(path, '');
    const asked: string[] = [];
    const refuse = async (path: string | Buffer): Promise<void> => {
      asked.push(String(path));
      if (path === dir) throw new Error('busy');
    };
    await expect(removeCluster(dir, refuse)).rejects.toThrow('busy');
    expect([asked.slice(0, -1).sort(), asked.at(-1)]).toEqual([others, dir]);
    await removeCluster(dir);
    expect(existsSync(dir)).toBe(false);
  });

  it('down --purge does not remove what is no cluster', async () => {
    const dir = temp();
    writeFileSync(join(dir, 'thesis.txt'), 'x');
    expect((await run(['dev', 'down', '--dir', dir, '--purge'])).code).toBe(2);
    expect(existsSync(join(dir, 'thesis.txt'))).toBe(true);
  });
});
