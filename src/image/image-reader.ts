/**
 * Exact positional reads, synchronous. Everything that looks at an image gets one of these, so a
 * partition, a journal overlay or bytes in memory can stand in for a file.
 */
export interface ImageReader {
  readonly sizeBytes: number;

  /**
   * Reads exactly `lengthBytes` at `startByte` into bytes that belong to the caller.
   * @throws {RangeError} if the range does not lie inside the reader: pointers from disk are checked
   *   before they are followed, so this is a mistake of ours.
   * @throws {SystemError} if the operating system fails or gives less.
   */
  readAt(startByte: number, lengthBytes: number): Uint8Array;
}

/** What reading has cost so far, counted where bytes leave the file. */
export interface ReadCost {
  readonly bytesRead: number;
  readonly reads: number;
}

/** @throws {RangeError} unless the range is whole numbers inside `[0, sizeBytes)`. */
export function assertInside(sizeBytes: number, startByte: number, lengthBytes: number): void {
  const valid =
    Number.isSafeInteger(startByte) &&
    Number.isSafeInteger(lengthBytes) &&
    startByte >= 0 &&
    lengthBytes >= 0 &&
    startByte + lengthBytes <= sizeBytes;
  if (!valid) {
    throw new RangeError(`read of ${lengthBytes} bytes at ${startByte} outside of ${sizeBytes}`);
  }
}
