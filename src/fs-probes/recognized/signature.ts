/**
 * Formats that are known by name but not read: their volumes are mapped whole. Knowing them matters
 * twice: the user sees what lies there, and a volume on which a second format announces itself is not
 * left to the first alone.
 */
import { bytesEqual, hexBytes, latin1Bytes } from '../../bytes/text.ts';
import type { ImageReader } from '../../image/image-reader.ts';

/** A byte pattern at a fixed place of the volume. */
export interface Magic {
  readonly startByte: number;
  readonly bytes: Uint8Array;
}

export interface Signature {
  /** As the user knows it: `XFS`, `LUKS`. */
  readonly type: string;
  /** One of them is enough. */
  readonly magics: readonly Magic[];
  /** So short that chance makes it: counts only where nothing else claims the volume. */
  readonly isWeak?: boolean;
  /** For formats whose size is written in their header; everything else claims the whole volume. */
  readonly lengthBytes?: (reader: ImageReader) => number;
}

export function ascii(startByte: number, text: string): Magic {
  return { startByte, bytes: latin1Bytes(text) };
}

/** `hex` in the order of the bytes on disk. */
export function hex(startByte: number, digits: string): Magic {
  return { startByte, bytes: hexBytes(digits) };
}

/** True if one of the patterns stands in the volume. Places outside of it never match. */
export function hasMagic(reader: ImageReader, magics: readonly Magic[]): boolean {
  return magics.some(
    ({ startByte, bytes }) =>
      startByte + bytes.length <= reader.sizeBytes &&
      bytesEqual(reader.readAt(startByte, bytes.length), bytes),
  );
}
