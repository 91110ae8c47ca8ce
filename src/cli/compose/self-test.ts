/** What staging asks of a build before it may be switched to: that it loads here, on this Node. Fast, and without effects. */
import { ClusterError } from '../../errors.ts';
import { ownVersion } from '../../front/own-version.ts';

/** Throws ClusterError 'self-test-failed' or 'release-invalid'; returns what was found to work. */
export async function selfTest(bundle: string, nodeVersion: string): Promise<string[]> {
  const own = await ownVersion(bundle);
  if (own === null) {
    throw new ClusterError('release-invalid', 'version.json is missing beside the bundle', {
      seen: bundle,
      wanted: 'a stamped build',
      next: 'npm run build, or node scripts/write-version.js DIR',
    });
  }
  if (!satisfies(nodeVersion, own.node)) {
    throw new ClusterError('self-test-failed', 'this Node is not one that the build runs on', {
      seen: nodeVersion,
      wanted: own.node,
      next: 'install a Node in this range on the host',
    });
  }
  const { loadProto } = await import('../../grpc/proto.ts');
  const { Server } = await import('@grpc/grpc-js');
  const proto = loadProto();
  new Server().addService(proto.agent, {});
  await Promise.all([
    import('../../daemon/compose/daemon.ts'),
    import('../../adapters/etcd/store.ts'),
    import('../../daemon/config.ts'),
  ]);
  return [
    `version.json of ${own.version}`,
    `Node ${nodeVersion} in ${own.node}`,
    'wire contract',
    'gRPC',
    'daemon',
    'etcd client',
  ];
}

/** The ranges that a build's stamp may use: comparators (>=, >, <, <=, =, ^, ~ and plain), several of them, and ||. */
export function satisfies(version: string, range: string): boolean {
  const seen = numbers(version);
  if (seen === null) return false;
  const alternatives = range.split('||').map((part) => part.trim());
  return alternatives.some((alternative) => {
    const comparators = alternative
      .replace(/([<>=^~])\s+/g, '$1')
      .split(/\s+/)
      .filter((text) => text !== '' && text !== '*');
    return comparators.every((comparator) => compares(seen, comparator));
  });
}

type Triple = [number, number, number];

function numbers(text: string): Triple | null {
  const match = /^v?(\d+)(?:\.(\d+|x|\*))?(?:\.(\d+|x|\*))?/.exec(text);
  if (!match) return null;
  const part = (value: string | undefined): number => (value === undefined || /[x*]/.test(value) ? 0 : Number(value));
  return [part(match[1]), part(match[2]), part(match[3])];
}

function compares(seen: Triple, comparator: string): boolean {
  const [, operator = '', rest = ''] = /^(>=|<=|>|<|=|\^|~)?(.*)$/.exec(comparator) ?? [];
  const wanted = numbers(rest);
  if (wanted === null) return false;
  const order = compareTriples(seen, wanted);
  const given = rest
    .replace(/^v/, '')
    .split('.')
    .filter((part) => !/[x*]/.test(part)).length;
  switch (operator) {
    case '>=':
      return order >= 0;
    case '<=':
      return order <= 0;
    case '>':
      return order > 0;
    case '<':
      return order < 0;
    case '^':
      return order >= 0 && seen[0] === wanted[0];
    case '~':
      return order >= 0 && seen[0] === wanted[0] && (given < 2 || seen[1] === wanted[1]);
    default:
      return wanted.slice(0, given).every((value, index) => seen[index] === value);
  }
}

function compareTriples(one: Triple, other: Triple): number {
  return one[0] - other[0] || one[1] - other[1] || one[2] - other[2];
}
