import { defineConfig } from 'vitest/config';

import { compiledWorkers } from './test/support/compiled-workers.ts';
import { SkipReporter } from './test/support/skip-reporter.ts';

export default defineConfig({
  plugins: [compiledWorkers()],
  test: {
    include: ['src/**/*.test.ts', 'native/**/*.test.ts', 'wasm/**/*.test.ts', 'test/**/*.test.ts'],
    exclude: ['test/slow/**', 'node_modules/**'],
    reporters: ['default', new SkipReporter()],
    globalSetup: ['test/support/build.ts'],
    // Real mkfs, fsck and mounts: slower than unit tests, and two cores must do.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
  },
});
