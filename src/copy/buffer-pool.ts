/**
 * The memory of a copy: a fixed number of equal buffers. Who needs one waits until one is given back,
 * and so reading waits for writing.
 */
export class BufferPool {
  readonly #free: Uint8Array[];
  readonly #waiting: ((buffer: Uint8Array) => void)[] = [];

  constructor(count: number, sizeBytes: number) {
    this.#free = Array.from({ length: count }, () => Buffer.allocUnsafeSlow(sizeBytes));
  }

  async take(): Promise<Uint8Array> {
    const buffer = this.#free.pop();
    if (buffer !== undefined) return buffer;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Once for each `take`. */
  give(buffer: Uint8Array): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free.push(buffer);
    else next(buffer);
  }
}
