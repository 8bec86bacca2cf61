/**
 * How many bytes to write before waiting for the medium. Nothing can be interrupted while the kernel
 * flushes, so a step should take about half a second, on a card with 5 MB/s as on a disk with 2 GB/s.
 */
const AIM_MS = 500;
const FIRST_STEP_BYTES = 4 * 2 ** 20;
const MIN_STEP_BYTES = 2 ** 20;
/** A card may fall from 100 to 5 MB/s when its fast memory is full: then the first step takes 6 s. */
const MAX_STEP_BYTES = 32 * 2 ** 20;

export class StepPacer {
  #stepBytes = FIRST_STEP_BYTES;

  get stepBytes(): number {
    return this.#stepBytes;
  }

  /** Runs a step of `bytes` and learns from the time it takes. */
  async measure(bytes: number, step: () => Promise<void>): Promise<void> {
    const startedMs = performance.now();
    await step();
    const tookMs = Math.max(performance.now() - startedMs, 1);
    if (bytes < MIN_STEP_BYTES) return;
    // At most doubled: the first steps may only have filled a cache.
    const wished = Math.min((bytes * AIM_MS) / tookMs, this.#stepBytes * 2);
    this.#stepBytes = Math.min(Math.max(Math.floor(wished), MIN_STEP_BYTES), MAX_STEP_BYTES);
  }
}
