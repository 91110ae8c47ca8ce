/** What every version's bundle has in common in a mixed world: the one disk, scheduler and network, and the builds. */
import * as builds from './builds.ts';
import * as disk from './disk.ts';
import * as fsShim from './fs-shim.ts';
import * as network from './network.ts';
import * as scheduler from './scheduler.ts';
import * as texts from './texts.ts';

globalThis.simShared = { builds, disk, 'fs-shim': fsShim, network, scheduler, texts };
