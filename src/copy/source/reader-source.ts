/** An image that is open already, as the source of a copy. */
import type { FileReader } from '../../image/file-reader.ts';
import type { ImageSource } from './image-source.ts';

const PIECE_BYTES = 2 ** 20;

/** Can be read repeatedly. Whoever opened the image closes it, after the copy. */
export class ReaderSource implements ImageSource {
  readonly name: string;
  readonly sizeBytes: number;
  readonly fileDescriptor: number;
  readonly #reader: FileReader;

  constructor(reader: FileReader) {
    this.#reader = reader;
    this.name = reader.path;
    this.sizeBytes = reader.sizeBytes;
    this.fileDescriptor = reader.fileDescriptor;
  }

  async *chunks(signal: AbortSignal): AsyncGenerator<Uint8Array> {
    for (let startByte = 0; startByte < this.sizeBytes; startByte += PIECE_BYTES) {
      signal.throwIfAborted();
      yield this.#reader.readAt(startByte, Math.min(PIECE_BYTES, this.sizeBytes - startByte));
    }
  }

  async close(): Promise<void> {}
}
