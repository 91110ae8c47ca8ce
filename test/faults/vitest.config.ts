import { defineConfig } from 'vitest/config';

/**
 * Faults with real processes. Most of a case is waiting, for leases and heartbeats, so two files share two cores; when the
 * figures are written into docs/safeguards.md (`FAULTS_WRITE=1`) each has the machine to itself, for they are compared.
 * Nothing is retried: a case that fails once is a finding.
 */
export default defineConfig({
  test: {
    name: 'faults',
    include: ['test/faults/**/*.test.ts'],
    globalSetup: ['test/faults/support/table-setup.ts'],
    maxWorkers: process.env.FAULTS_WRITE === '1' ? 1 : 2,
    testTimeout: 150_000,
    hookTimeout: 120_000,
    retry: 0,
    reporters: ['verbose'],
  },
});
