import type { VersionInfo } from './releases.ts';

/** The leader's own store, as preflight needs it. */
export interface LocalReleases {
  /**
   * Verifies the whole tree of a release in this node's store (P7); undefined: the one that `dist` points to.
   * What is wrong comes back in words, with what to do about it.
   */
  inspect(
    buildHash: string | undefined,
  ): Promise<{ version: VersionInfo; sizeBytes: number } | { invalid: string; next: string }>;
}
