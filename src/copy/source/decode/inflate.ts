/** Drives Node's zlib, and finds out where its stream ended: zlib's own streams swallow what follows. */
import { on, once } from 'node:events';
import type { TransformOptions } from 'node:stream';
import type { Gunzip, InflateRaw, ZlibOptions } from 'node:zlib';

import { SystemError } from '../../../errors/errors.ts';
import type { StreamReader } from '../stream-reader.ts';
import { damaged, OUTPUT_BYTES, type DecodeContext } from './decoder.ts';

/** Small pieces cost zlib more time than the decompression. */
export const ZLIB_OPTIONS: ZlibOptions & TransformOptions = {
  chunkSize: OUTPUT_BYTES,
  // How far it decompresses ahead of the consumer, on a thread of Node's.
  readableHighWaterMark: 8 * OUTPUT_BYTES,
};

/**
 * Decompresses from `input` until the engine's format ends, and leaves `input` behind its last byte.
 * @throws {CorruptError} kind `truncated` or `damaged`.
 */
export async function* inflate(
  engine: Gunzip | InflateRaw,
  input: StreamReader,
  context: DecodeContext,
): AsyncGenerator<Uint8Array> {
  const feeding = new Feeding(engine, input);
  try {
    // Reading from the stream itself would copy all that waits in it into one piece.
    const made = on(engine, 'data', { close: ['end'], highWaterMark: 1 });
    for await (const [piece] of made as AsyncIterable<[Uint8Array]>) yield piece;
    await feeding.stop();
  } catch (error) {
    throw fromZlibError(error, input, context);
  } finally {
    engine.destroy();
  }
}

/** Writes pieces to the engine as it asks for them, and keeps those that it has not taken yet. */
class Feeding {
  readonly #engine: Gunzip | InflateRaw;
  readonly #input: StreamReader;
  readonly #finished: Promise<void>;
  readonly #pieces: Uint8Array[] = [];
  /** How many bytes lie before the first of `#pieces`. */
  #droppedBytes = 0;
  #isStopped = false;

  constructor(engine: Gunzip | InflateRaw, input: StreamReader) {
    this.#engine = engine;
    this.#input = input;
    engine.once('end', () => {
      this.#isStopped = true;
    });
    engine.once('close', () => {
      this.#isStopped = true;
    });
    this.#finished = this.#run();
    // The engine passes the failure on to whoever reads from it.
    this.#finished.catch((error: unknown) => engine.destroy(error as Error));
  }

  /** Gives back to the input what the engine did not take. */
  async stop(): Promise<void> {
    await this.#finished;
    this.#dropTaken();
    for (const piece of this.#pieces.toReversed()) this.#input.unread(piece);
    this.#pieces.length = 0;
  }

  async #run(): Promise<void> {
    const ended = Promise.race([once(this.#engine, 'end'), once(this.#engine, 'close')]);
    ended.catch(() => {});
    while (!this.#isStopped) {
      const piece = await this.#input.next();
      if (piece === undefined) {
        this.#engine.end();
        return;
      }
      this.#pieces.push(piece);
      if (this.#isStopped) return;
      if (!this.#engine.write(piece)) {
        await Promise.race([once(this.#engine, 'drain'), ended]).catch(() => {});
      }
      this.#dropTaken();
    }
  }

  #dropTaken(): void {
    const takenBytes = this.#engine.bytesWritten;
    for (let first = this.#pieces[0]; first !== undefined; first = this.#pieces[0]) {
      const leftBytes = this.#droppedBytes + first.length - takenBytes;
      if (leftBytes >= first.length) return;
      this.#pieces.shift();
      this.#droppedBytes += first.length - Math.max(leftBytes, 0);
      if (leftBytes > 0) this.#pieces.unshift(first.subarray(first.length - leftBytes));
    }
  }
}

function fromZlibError(error: unknown, input: StreamReader, context: DecodeContext): unknown {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  switch (code) {
    case 'Z_BUF_ERROR':
      return input.truncated(context.structure);
    case 'Z_DATA_ERROR':
    case 'Z_NEED_DICT': {
      const text = `the compressed data is damaged (${(error as Error).message})`;
      return damaged(context, input.positionBytes, text, error);
    }
    case 'Z_MEM_ERROR':
      return new SystemError('ENOMEM', undefined, `${context.structure}: not enough memory`, {
        cause: error,
      });
    default:
      return error;
  }
}
