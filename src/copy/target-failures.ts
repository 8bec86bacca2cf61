import { BmapError, TargetsError, UsageError } from '../errors/errors.ts';
import type { OnEvent } from './copy-events.ts';
import type { CopyRun } from './copy-run.ts';

/** What went wrong with single targets. With only one target, its error is the error of the copy. */
export class TargetFailures {
  readonly #targetCount: number;
  readonly #onEvent: OnEvent;
  readonly #failures: { readonly path: string; readonly error: unknown }[] = [];

  constructor({ options, onEvent }: CopyRun) {
    this.#targetCount = options.targets.length;
    this.#onEvent = onEvent;
  }

  /** Runs a step of one target. What fails in it stays here, unless it is a mistake of the user or ours. */
  async attempt(path: string, step: () => Promise<void>): Promise<void> {
    try {
      await step();
    } catch (error) {
      const isOwn = error instanceof BmapError && !(error instanceof UsageError);
      if (this.#targetCount === 1 || !isOwn) throw error;
      error.targetState ??= 'untouched';
      this.#failures.push({ path, error });
      this.#onEvent({ kind: 'target-failed', target: path, error });
    }
  }

  throwIfAny(): void {
    if (this.#failures.length > 0) throw new TargetsError(this.#targetCount, this.#failures);
  }
}
