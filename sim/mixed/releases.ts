/** The versions of before that the mixed simulation runs beside this one. */
import type { Source } from '../bundle.ts';

export interface Release extends Pick<Source, 'moved' | 'standIns'> {
  /** Version and abbreviated commit. */
  name: string;
  /** All 40 digits: its src/ is taken from the history. */
  commit: string;
}

const before020 = 'sim/mixed/before-0-2-0.ts';

/** Since 0.2.0 by its name of then; the newest table stands first. */
const since020: Record<string, string> = {
  'src/cluster/aftercare/damaged.ts': 'src/cluster/damaged.ts',
  'src/cluster/control/control.ts': 'src/cluster/control.ts',
  'src/cluster/journal/journal.ts': 'src/cluster/journal.ts',
  'src/cluster/leadership/leadership.ts': 'src/cluster/leadership.ts',
  'src/trial/complete.ts': 'src/trial/guard.ts',
};
const since010: Record<string, string> = {
  'src/base/lock.ts': 'src/node/verb-lock.ts',
  'src/base/store-keys.ts': 'src/cluster/keys.ts',
  'src/daemon/self-health.ts': 'src/node/self-health.ts',
  'src/host/epoch.ts': 'src/node/epoch.ts',
  'src/host/managers/supervisor/guard-watch.ts': 'src/node/supervise-guard.ts',
  'src/host/verbs.ts': 'src/node/verbs.ts',
  'src/members/records.ts': 'src/cluster/records.ts',
  'src/trial/guard.ts': 'src/node/guard.ts',
  'src/trial/probation-file.ts': 'src/node/probation-file.ts',
  'src/trial/trial-file.ts': 'src/node/trial-file.ts',
  'src/trial/trial-view.ts': 'src/node/trial-view.ts',
};

/** The newest first: most seeds are about that one. */
export const releases: Release[] = [
  { name: '0.2.1-1910abb', commit: '1910abb0aef6cd7e1afe4b1864d25ae7512b0d3d', moved: [], standIns: {} },
  { name: '0.2.0-d5177e4', commit: 'd5177e4676a9e5da2d90e40ec53cc0a89d07266b', moved: [since020], standIns: {} },
  {
    name: '0.1.0-0a60ba1',
    commit: '0a60ba12d7258b1ff172fa93087b829f7773a94e',
    moved: [since020, since010],
    standIns: {
      'sim/world/guard-of.ts': before020,
      'src/cluster/aftercare/damaged.ts': before020,
      'src/cluster/damaged.ts': before020,
      'src/cluster/own-upkeep.ts': before020,
      'src/cluster/present-epoch.ts': before020,
      'src/daemon/look-watch.ts': before020,
      'src/host/epoch.ts': before020,
      'src/host/look.ts': before020,
      'src/release/committed.ts': before020,
      // The same then as now, in a file of its own since.
      'src/base/parse-as.ts': 'src/base/parse-as.ts',
      'src/trial/whole.ts': 'src/trial/whole.ts',
    },
  },
];
