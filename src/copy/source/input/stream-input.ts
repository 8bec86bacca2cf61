/** Bytes that can be read only once, in order: standard input, pipes, terminals, connections. */
import type { Readable } from 'node:stream';

import { SystemError } from '../../../errors/errors.ts';
import type { ByteInput } from '../byte-input.ts';

export interface StreamInputOptions {
  readonly name: string;
  readonly fileName: string;
  readonly signal: AbortSignal;
}

export class StreamInput implements ByteInput {
  readonly name: string;
  readonly fileName: string;
  readonly sizeBytes = undefined;
  readonly fileDescriptor = undefined;
  readonly #stream: Readable;
  readonly #signal: AbortSignal;

  constructor(stream: Readable, { name, fileName, signal }: StreamInputOptions) {
    this.#stream = stream;
    this.name = name;
    this.fileName = fileName;
    this.#signal = signal;
    signal.addEventListener('abort', () => stream.destroy(), { once: true });
  }

  async *pieces(): AsyncGenerator<Uint8Array> {
    this.#signal.throwIfAborted();
    try {
      for await (const piece of this.#stream as AsyncIterable<Uint8Array>) {
        if (piece.length > 0) yield piece;
      }
    } catch (error) {
      this.#signal.throwIfAborted();
      throw SystemError.from(error, this.name);
    }
    // A destroyed stream just ends.
    this.#signal.throwIfAborted();
  }

  async close(): Promise<void> {
    this.#stream.destroy();
  }
}
