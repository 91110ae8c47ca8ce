/** Which node and which release an operator means: by name or address, by a hash or its beginning. */
import { checkHashBeginning, isBuildHash, wholeHash } from '../base/build-hash.ts';
import { ClusterError } from '../errors.ts';
import type { Context } from '../front/context.ts';

/** The cluster knows where its nodes are; an address is taken as it is. */
export async function addressOf(ctx: Context, file: string, from: string): Promise<string> {
  if (/:\d{1,5}$/.test(from)) return from;
  const session = await ctx.connect(file);
  try {
    const { nodes } = await session.control.status();
    const node = nodes.find(({ nodeId }) => nodeId === from);
    if (node) return node.address;
    throw new ClusterError('usage', `no node is called ${from}`, {
      seen: nodes.map(({ nodeId }) => nodeId).join(', '),
      wanted: '--from with a nodeId or host:port',
    });
  } finally {
    await session.close();
  }
}

/** What the beginning of a hash means is what the node has that the release comes from. */
export async function hashOn(ctx: Context, file: string, from: string, given: string): Promise<string> {
  if (isBuildHash(checkHashBeginning(given, 'HASH'))) return given;
  const session = await ctx.connect(file);
  try {
    const { nodes } = await session.control.status();
    const source = nodes.find(({ nodeId, address }) => nodeId === from || address === from)?.nodeId ?? from;
    const rows = await session.control.listReleases();
    const there = rows.filter((row) => row.onNodes.includes(source)).map((row) => row.buildHash);
    return wholeHash(given, there, `on ${source}`);
  } finally {
    await session.close();
  }
}

/** The same, of what is on this host's disk. */
export async function hashHere(base: string, given: string): Promise<string> {
  checkHashBeginning(given, 'HASH');
  const { releaseHashes } = await import('../release/store.ts');
  return wholeHash(given, await releaseHashes(base), "on this node's disk");
}
