/** What others may do with this node's releases, within the bounds of its configuration: the room of its disk, the size of a push. */
import { rsync } from '../../adapters/rsync/index.ts';
import { diskRoom, type Room } from '../../release/room.ts';
import { finishPush, type ServedRelease, type ServeOptions, serveRelease } from '../../release/transfer.ts';
import type { NodeConfig } from '../config.ts';

export interface OwnReleases {
  /** The serving end of a transfer. Never rejects. */
  serve(request: Omit<ServeOptions, 'transfer' | 'reserveBytes' | 'pushBytesMax'>): Promise<ServedRelease>;
  /** Throws as `finishPush`. */
  finishPush(hash: string): Promise<void>;
  /** Throws ClusterError 'disk'. */
  room(): Promise<Room>;
}

type Bounds = Pick<NodeConfig, 'base' | 'diskReserveBytes' | 'pushBytesMax'>;

export function composeReleases({ base, diskReserveBytes: reserveBytes, pushBytesMax }: Bounds): OwnReleases {
  return {
    serve: (request) => serveRelease({ ...request, transfer: rsync, reserveBytes, pushBytesMax }),
    finishPush: async (hash) => {
      await finishPush(base, hash, pushBytesMax);
    },
    room: () => diskRoom(base, reserveBytes),
  };
}
