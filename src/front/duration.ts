/** Durations as people write them: "1500ms", "60s", "2m", "1h". */
import { ClusterError } from '../errors.ts';

const unitMs: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Milliseconds. Throws ClusterError 'usage': a number without a unit could mean anything, so it is refused. */
export function parseDuration(text: string, what = 'duration'): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text.trim());
  const ms = match ? Math.round(Number(match[1]) * (unitMs[match[2] ?? ''] ?? Number.NaN)) : Number.NaN;
  if (Number.isSafeInteger(ms)) return ms;
  throw new ClusterError('usage', `${what}: not a duration`, {
    seen: text,
    wanted: 'a number with its unit: 1500ms, 60s, 2m, 1h',
  });
}

/** A whole number of at least `min`. Throws ClusterError 'usage'. */
export function parseCount(text: string, what: string, min = 1): number {
  const value = /^\d{1,15}$/.test(text.trim()) ? Number(text) : Number.NaN;
  if (value >= min) return value;
  throw new ClusterError('usage', `${what}: not a count`, { seen: text, wanted: `a whole number, at least ${min}` });
}

/** "350ms", "12.3s", "2m 05s", "1h 02m". */
export function formatDuration(ms: number): string {
  const value = Math.max(0, Math.round(ms));
  if (value < 1000) return `${value}ms`;
  if (value < 59_950) return `${(value / 1000).toFixed(1)}s`;
  const seconds = Math.round(value / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ${String(seconds % 60).padStart(2, '0')}s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)}h ${String(minutes % 60).padStart(2, '0')}m`;
}

/** "812 B", "3.4 kB", "12.0 MB", "1.2 GB": decimal units. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const units = ['kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = '';
  for (const next of units) {
    if (value < 999.95) break;
    value /= 1000;
    unit = next;
  }
  return `${value.toFixed(1)} ${unit}`;
}
