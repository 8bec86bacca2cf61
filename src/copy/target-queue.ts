import type { CopyTarget } from './target/copy-target.ts';

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

  get bytesWritten(): number {
    return this.#bytesWritten;
  }

  get failure(): { readonly error: unknown } | undefined {
    return this.#failure;
  }

  /** Resolves when the bytes have been written, or never will be; does not reject. */
  async write(bytes: Uint8Array, startByte: number): Promise<void> {
    const written = this.#tail.then(async () => this.#writeNow(bytes, startByte));
    this.#tail = written;
    return written;
  }

  async #writeNow(bytes: Uint8Array, startByte: number): Promise<void> {
    if (this.#failure !== undefined || this.#signal.aborted) return;
    try {
      await this.#target.writeAt(bytes, startByte);
      this.#bytesWritten += bytes.length;
    } catch (error) {
      this.#failure = { error };
    }
  }
}
