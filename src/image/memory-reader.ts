import { assertInside, type ImageReader } from './image-reader.ts';

/** Reads from bytes in memory. */
export class MemoryReader implements ImageReader {
  readonly sizeBytes: number;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.sizeBytes = bytes.length;
  }

  readAt(startByte: number, lengthBytes: number): Uint8Array {
    assertInside(this.sizeBytes, startByte, lengthBytes);
    return this.#bytes.slice(startByte, startByte + lengthBytes);
  }
}
