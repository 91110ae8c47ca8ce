import { defineConfig } from 'vitest/config';

/**
 * Two projects. `unit` takes no real time and runs in parallel. `cluster` starts real daemons, etcd and rsync: two files
 * at once at most, after the unit tests, with time enough for a slow machine. Nothing is retried: a test that fails
 * once is a finding.
 */
export default defineConfig({
  test: {
    retry: 0,
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            'src/**/*.test.ts',
            'scripts/**/*.test.ts',
            'sim/**/*.test.ts',
            'test/{scenarios,support}/**/*.test.ts',
          ],
          testTimeout: 60_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'cluster',
          include: ['test/cluster/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
