/** How often a process ended lately, and how long to wait before it is started again. Pure, but for what it remembers. */

export interface CrashLimits {
  /** Starts in `crashWindowMs` after which it is not started at once any more. Default 5. */
  maxCrashes?: number;
  /** Default 60,000. */
  crashWindowMs?: number;
  /** Pause between attempts after that, ms. Default 30,000. */
  retryMs?: number;
  /** First and longest pause after a crash, ms. Default 100 and 3,000. */
  backoffMs?: { first: number; most: number };
}

export interface Crashes {
  /** It has ended too often: it is tried again only after `retryMs`. */
  failing: boolean;
  pauseMs: number;
  /** For people: "5 times in 60 s, tried again every 30 s". */
  often: string;
}

export function createCrashCount(limits: CrashLimits): { count(nowMs: number): Crashes } {
  const { maxCrashes = 5, crashWindowMs = 60_000, retryMs = 30_000, backoffMs } = limits;
  const backoff = backoffMs ?? { first: 100, most: 3_000 };
  const atMs: number[] = [];
  return {
    count(nowMs) {
      atMs.push(nowMs);
      while ((atMs[0] ?? nowMs) <= nowMs - crashWindowMs) atMs.shift();
      const failing = atMs.length >= maxCrashes;
      const pauseMs = failing ? retryMs : Math.min(backoff.first * 2 ** (atMs.length - 1), backoff.most);
      const [window, retry] = [crashWindowMs, retryMs].map((ms) => Math.round(ms / 1000));
      return { failing, pauseMs, often: `${atMs.length} times in ${window} s, tried again every ${retry} s` };
    },
  };
}
