/** Releases into this host's store, moved by rsync: for the verb `stage`, the supervisor and `dev up`. */
import { rsync } from '../../adapters/rsync/index.ts';
import type { NodeConfig } from '../../daemon/config.ts';
import { importDirectory, type Staged, type StageOptions, stageRelease } from '../../release/stage.ts';

export function stageHere(options: Omit<StageOptions, 'transfer'>): Promise<Staged> {
  return stageRelease({ transfer: rsync, ...options });
}

export function importHere(base: string, dir: string, reserveBytes?: number): Promise<Staged> {
  return importDirectory({ transfer: rsync, base, dir, reserveBytes });
}

/** The same, within the bounds of a node's configuration. */
export function importerOf({ diskReserveBytes }: Pick<NodeConfig, 'diskReserveBytes'>): typeof importHere {
  return (base, dir) => importHere(base, dir, diskReserveBytes);
}
