import { defineConfig } from 'vitest/config';

import { compiledWorkers } from './test/support/compiled-workers.ts';

/** Wide sweeps and long fuzzing: hours of machine time, run on a schedule and before a release. */
export default defineConfig({
  plugins: [compiledWorkers()],
  test: {
    include: ['test/slow/**/*.test.ts'],
    globalSetup: ['test/support/build.ts'],
    testTimeout: 3_600_000,
    hookTimeout: 3_600_000,
    maxWorkers: 1,
  },
});
