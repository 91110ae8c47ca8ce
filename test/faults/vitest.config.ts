import { defineConfig } from 'vitest/config';

/**
 * Faults with real processes: one file after the other, for each has a cluster of its own and the machine's two cores.
 * Nothing is retried: a case that fails once is a finding. `FAULTS_WRITE=1` writes the figures into docs/safeguards.md.
 */
export default defineConfig({
  test: {
    name: 'faults',
    include: ['test/faults/**/*.test.ts'],
    globalSetup: ['test/faults/support/table-setup.ts'],
    fileParallelism: false,
    testTimeout: 150_000,
    hookTimeout: 120_000,
    retry: 0,
    reporters: ['verbose'],
  },
});
