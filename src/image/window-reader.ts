import { assertInside, type ImageReader } from './image-reader.ts';

/** A part of another reader with positions of its own: a partition, or a filesystem in it. */
export class WindowReader implements ImageReader {
  readonly sizeBytes: number;
  readonly #parent: ImageReader;
  readonly #startByte: number;

  /** @throws {RangeError} unless the part lies inside `parent`. */
  constructor(parent: ImageReader, startByte: number, lengthBytes: number) {
    assertInside(parent.sizeBytes, startByte, lengthBytes);
    this.#parent = parent;
    this.#startByte = startByte;
    this.sizeBytes = lengthBytes;
  }

  readAt(startByte: number, lengthBytes: number): Uint8Array {
    assertInside(this.sizeBytes, startByte, lengthBytes);
    return this.#parent.readAt(this.#startByte + startByte, lengthBytes);
  }
}
