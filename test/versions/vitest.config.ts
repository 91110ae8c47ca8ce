import { defineConfig } from 'vitest/config';

/**
 * This build and those of before in one cluster, with real processes. One cluster for each release, cases one after the
 * other. Nothing is retried: a case that fails once is a finding.
 */
export default defineConfig({
  test: {
    name: 'versions',
    include: ['test/versions/**/*.test.ts'],
    globalSetup: ['test/versions/support/build-all.ts'],
    fileParallelism: false,
    testTimeout: 300_000,
    hookTimeout: 120_000,
    retry: 0,
    reporters: ['verbose'],
  },
});
