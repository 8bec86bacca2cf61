/**
 * The memory of a copy: a fixed number of equal buffers that threads can share. Who needs one waits
 * until one is given back, and so reading waits for writing.
 */

/** The buffer of one or several pieces. */
export interface PooledBuffer {
  readonly bytes: Uint8Array;
  /** How many still need it. */
  holders: number;
}

export class BufferPool {
  readonly bufferBytes: number;
  readonly #free: PooledBuffer[];
  readonly #waiting: ((buffer: PooledBuffer) => void)[] = [];

  /** `allocate` makes the memory of one buffer. */
  constructor(
    count: number,
    bufferBytes: number,
    allocate: (sizeBytes: number) => Uint8Array = allocateShared,
  ) {
    this.bufferBytes = bufferBytes;
    this.#free = Array.from({ length: count }, () => ({
      bytes: allocate(bufferBytes),
      holders: 0,
    }));
  }

  /** A buffer with one holder; whoever shares it adds to that. */
  async take(): Promise<PooledBuffer> {
    const buffer =
      this.#free.pop() ??
      (await new Promise<PooledBuffer>((resolve) => this.#waiting.push(resolve)));
    buffer.holders = 1;
    return buffer;
  }

  /** Once for each holder. */
  give(buffer: PooledBuffer): void {
    buffer.holders--;
    if (buffer.holders > 0) return;
    const next = this.#waiting.shift();
    if (next === undefined) this.#free.push(buffer);
    else next(buffer);
  }
}

function allocateShared(sizeBytes: number): Uint8Array {
  return new Uint8Array(new SharedArrayBuffer(sizeBytes));
}
