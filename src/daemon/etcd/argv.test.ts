import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { type EtcdArgvInput, etcdArgv } from './argv.ts';

const input: EtcdArgvInput = {
  name: 'n1',
  dataDir: '/base/data/etcd',
  client: '10.0.0.1:2379',
  peer: 'host-1.example:2380',
  tls: { ca: '/c/ca.pem', cert: '/c/n1.pem', key: '/c/n1.key' },
  heartbeatMs: 100,
  electionMs: 1000,
  start: {
    kind: 'new',
    clusterId: 'c1',
    initialCluster: [
      { name: 'n1', peer: 'host-1.example:2380' },
      { name: 'n2', peer: '10.0.0.2:2380' },
    ],
  },
};

describe('the argv of etcd', () => {
  it('founds a group with the cluster id as token', () => {
    const argv = etcdArgv(input);
    expect(argv).toContain('--initial-cluster-state=new');
    expect(argv).toContain('--initial-cluster-token=c1');
    expect(argv).toContain('--initial-cluster=n1=https://host-1.example:2380,n2=https://10.0.0.2:2380');
  });

  it('never says new for data that exists, nor for a join', () => {
    expect(etcdArgv({ ...input, start: { kind: 'existing' } }).join(' ')).not.toContain('state=new');
    const join = { ...input.start, kind: 'join' } as EtcdArgvInput['start'];
    expect(etcdArgv({ ...input, start: join })).toContain('--initial-cluster-state=existing');
  });

  it('demands certificates of clients and peers, votes before it campaigns, and keeps fsync', () => {
    const argv = etcdArgv(input);
    for (const flag of ['--client-cert-auth=true', '--peer-client-cert-auth=true', '--pre-vote=true']) {
      expect(argv).toContain(flag);
    }
    expect(argv.join(' ')).not.toMatch(/fsync|http:|experimental/);
  });

  it('listens on the address, and for a host name on all interfaces', () => {
    const argv = etcdArgv(input);
    expect(argv).toContain('--listen-client-urls=https://10.0.0.1:2379');
    expect(argv).toContain('--listen-peer-urls=https://0.0.0.0:2380');
    expect(argv).toContain('--initial-advertise-peer-urls=https://host-1.example:2380');
    expect(etcdArgv({ ...input, client: '[::1]:2379' })).toContain('--listen-client-urls=https://[::1]:2379');
  });

  it('has only flags that the installed etcd knows', () => {
    // Flags are parsed before --version is obeyed: an unknown one fails.
    expect(execFileSync('etcd', [...etcdArgv(input), '--version'], { encoding: 'utf8' })).toContain('etcd Version');
    expect(() => execFileSync('etcd', ['--no-such-flag=1', '--version'], { stdio: 'pipe' })).toThrow();
  });
});
