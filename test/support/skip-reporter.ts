import type { Reporter, TestModule } from 'vitest/node';

/** Says at the end which tests were passed over, and what has to be installed for them. */
export class SkipReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const needs = new Map<string, number>();
    for (const module of modules) {
      for (const test of module.children.allTests('skipped')) {
        const missing = /\[needs (.*)\]$/.exec(test.name)?.[1] ?? 'no reason given';
        needs.set(missing, (needs.get(missing) ?? 0) + 1);
      }
    }
    const lines = [...needs].map(([missing, count]) => `skipped ${count}, which need ${missing}\n`);
    process.stdout.write(lines.toSorted().join(''));
  }
}
