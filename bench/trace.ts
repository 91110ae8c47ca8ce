/**
 * Sees from outside, by the changes on a node's disk, when it switched releases and when its daemon became healthy: a
 * measure that does not depend on what the updater says of itself. Times are nowMs().
 */
import { type FSWatcher, readFileSync, readlinkSync, watch } from 'node:fs';
import { basename } from 'node:path';
import { nodePaths } from '../src/base/paths.ts';
import type { DevNode } from '../test/support/dev-cluster.ts';
import { nowMs } from '../test/support/wait.ts';

export interface Moment {
  kind: 'switched' | 'healthy';
  atMs: number;
  /** buildHash that `dist` points to now, or that is healthy. */
  release: string;
}

export interface NodeTrace {
  moments: Moment[];
  close(): void;
}

export function traceNode({ base }: DevNode): NodeTrace {
  const paths = nodePaths(base);
  const moments: Moment[] = [];
  const note = (kind: Moment['kind'], read: () => string): void => {
    const atMs = nowMs();
    try {
      const release = read();
      const last = moments.findLast((moment) => moment.kind === kind);
      if (kind === 'switched' && last?.release === release) return;
      moments.push({ kind, atMs, release });
    } catch {
      // The file is gone again: the guard removes the healthy marker at every start.
    }
  };
  const watchers: FSWatcher[] = [
    watch(base, (_, name) => {
      if (name === 'dist') note('switched', () => basename(readlinkSync(paths.dist)));
    }),
    watch(paths.run, (_, name) => {
      if (name === basename(paths.healthy)) note('healthy', () => healthyRelease(paths.healthy));
    }),
  ];
  return {
    moments,
    close() {
      for (const watcher of watchers) watcher.close();
    },
  };
}

function healthyRelease(file: string): string {
  return (JSON.parse(readFileSync(file, 'utf8')) as { release: string }).release;
}

/** From the switch to `release` to its daemon being healthy, in ms; undefined unless both were seen. */
export function switchToHealthyMs(trace: NodeTrace, release: string): number | undefined {
  const began = trace.moments.find((moment) => moment.kind === 'switched' && moment.release === release);
  const ended = trace.moments.find(
    (moment) =>
      moment.kind === 'healthy' && moment.release === release && began !== undefined && moment.atMs > began.atMs,
  );
  return began && ended ? ended.atMs - began.atMs : undefined;
}
