import type { CopyTarget } from './target/copy-target.ts';
import type { Part } from './target/target-io.ts';
import type { OpenTarget } from './target/write-target.ts';

/**
 * The writes of one target, one after the other. Reading and other targets go on meanwhile, and a target
 * that failed takes no more writes.
 */
export class TargetQueue {
  readonly #target: CopyTarget;
  readonly #signal: AbortSignal;
  #tail: Promise<void> = Promise.resolve();
  #failure: { readonly error: unknown } | undefined;
  #bytesWritten = 0;

  /** Once the signal is aborted, what waits is not written any more. */
  constructor(target: CopyTarget, signal: AbortSignal) {
    this.#target = target;
    this.#signal = signal;
  }

  get path(): string {
    return this.#target.path;
  }

  /** Whether its bytes should start at a page of memory. */
  get wantsPages(): boolean {
    return this.#target.wantsPages;
  }

  get bytesWritten(): number {
    return this.#bytesWritten;
  }

  get failure(): { readonly error: unknown } | undefined {
    return this.#failure;
  }

  /** Whether threads may write to it by themselves. */
  get takesThreads(): boolean {
    return this.#target.openForThreads !== undefined;
  }

  /** Opens it for them. @returns undefined if it failed, which is kept like that of a write. */
  async openForThreads(): Promise<OpenTarget | undefined> {
    try {
      return await this.#target.openForThreads?.();
    } catch (error) {
      this.fail(error);
      return undefined;
    }
  }

  /** What threads have written, all together. */
  noteWritten(bytesWritten: number): void {
    this.#bytesWritten = bytesWritten;
  }

  fail(error: unknown): void {
    this.#failure = { error };
  }

  /** Resolves when the parts have been written, or never will be; does not reject. */
  async write(parts: readonly Part[]): Promise<void> {
    const written = this.#tail.then(async () => this.#writeNow(parts));
    this.#tail = written;
    return written;
  }

  async #writeNow(parts: readonly Part[]): Promise<void> {
    if (this.#failure !== undefined || this.#signal.aborted) return;
    try {
      await this.#target.write(parts);
      for (const { bytes } of parts) this.#bytesWritten += bytes.length;
    } catch (error) {
      this.fail(error);
    }
  }
}
