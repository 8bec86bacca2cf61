/**
 * Two settings of a disk that make writing an image quick and keep the rest of the machine alive: no
 * reordering of what is in order already, and at most 1 percent of the memory for unwritten data. They
 * belong to the system, so they are put back. Source: Linux `Documentation/block/switching-sched.rst`
 * and `Documentation/ABI/testing/sysfs-class-bdi`.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import type { Finding } from '../../errors/finding.ts';

interface Change {
  readonly file: string;
  readonly before: string;
}

const SETTINGS = [
  { file: 'bdi/max_ratio', wanted: '1' },
  { file: 'queue/scheduler', wanted: 'none' },
] as const;

export class QueueSettings {
  readonly #changes: Change[] = [];
  readonly #report: (finding: Finding) => void;

  constructor(report: (finding: Finding) => void) {
    this.#report = report;
  }

  /** Changes the settings of the disk with this sysfs folder; the same disk only once. */
  apply(diskFolder: string): void {
    for (const { file, wanted } of SETTINGS) this.#change(path.join(diskFolder, file), wanted);
  }

  /** Puts everything back as it was; safe to call twice. */
  restore(): void {
    for (const { file, before } of this.#changes.splice(0).toReversed()) {
      try {
        writeFileSync(file, before);
      } catch (error) {
        const text = `cannot restore ${file} to '${before}': ${(error as Error).message}; write that value there yourself`;
        this.#report({ level: 'warning', code: 'copy.settings-not-restored', text });
      }
    }
  }

  #change(file: string, wanted: string): void {
    if (this.#changes.some((change) => change.file === file)) return;
    let before = 'unknown';
    try {
      before = parseSetting(readFileSync(file, 'utf8'));
      if (before === wanted) return;
      writeFileSync(file, wanted);
      this.#changes.push({ file, before });
    } catch (error) {
      this.#report(describeFailure(file, wanted, before, (error as Error).message));
    }
  }
}

/** A list of choices has the chosen one in brackets: `none [mq-deadline] kyber`. */
function parseSetting(text: string): string {
  return /\[([^\]]+)\]/.exec(text)?.[1] ?? text.trim();
}

function describeFailure(file: string, wanted: string, before: string, reason: string): Finding {
  if (file.endsWith('max_ratio')) {
    const text = `failed to disable excessive buffering, expect worse system responsiveness (reason: cannot set max. I/O ratio to ${wanted}: ${reason})`;
    return { level: 'warning', code: 'copy.max-ratio', text };
  }
  const text = `failed to enable I/O optimization, expect suboptimal speed (reason: cannot switch to the '${wanted}' I/O scheduler: '${before}' in use. ${reason})`;
  return { level: 'info', code: 'copy.scheduler', text };
}
