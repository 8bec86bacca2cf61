/**
 * Compares a file or device with the checksums of a map. What cannot be read is bad like what reads
 * wrong: a worn card gives errors in some places, and all of them are wanted.
 */
import { createHash } from 'node:crypto';
import { read } from 'node:fs';
import { promisify } from 'node:util';

import { SystemError } from '../errors/errors.ts';
import type { ByteRange } from '../ranges/byte-range.ts';
import { toByteRange, type Bmap } from './bmap.ts';
import { findDigest } from './digest.ts';
import type { OpenFile } from './hole-map.ts';

const CHUNK_BYTES = 2 ** 20;

/** Bytes that are not what the map says. */
export interface BadRange extends ByteRange {
  /**
   * `checksum`: other bytes than the map was made of. `unreadable`: the medium gives an error.
   * `past-end`: the file or device is too short. `not-zero`: zeros were demanded.
   */
  readonly reason: 'checksum' | 'unreadable' | 'past-end' | 'not-zero';
  /** Where the reason is `checksum`: the lower-case hex digest of what was read. */
  readonly calculated?: string;
  /** The digest in the map. */
  readonly expected?: string;
}

export interface FindBadRangesOptions {
  /** Open for reading until the promise is settled. */
  readonly file: OpenFile;
  readonly bmap: Bmap;
  readonly onProgress?: (bytesDone: number, bytesTotal: number) => void;
  /** Aborting rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

export interface RangeVerdict {
  /** Ascending. */
  readonly bad: readonly BadRange[];
  /** Ranges that the map has no checksum for: nothing is known of them. */
  readonly uncheckedCount: number;
}

/**
 * Every mapped range that is not what its checksum says.
 * @throws {SystemError} with the errno name, for failures that are not those of one place.
 * @throws {RangeError} if the map's digest is not known; a map that was read from a file has one that is.
 */
export async function findBadRanges(options: FindBadRangesOptions): Promise<RangeVerdict> {
  const { file, bmap, onProgress, signal } = options;
  const checked = bmap.ranges.filter(({ checksum }) => checksum !== undefined);
  const bytesTotal = checked.reduce((sum, range) => sum + lengthOf(toByteRange(bmap, range)), 0);
  const digest = checked.length === 0 ? '' : requireDigest(bmap);
  let bytesDone = 0;
  const bad: BadRange[] = [];
  for (const range of checked) {
    const bytes = toByteRange(bmap, range);
    const hash = createHash(digest);
    const end = await readRange(file, bytes, signal, (chunk) => {
      hash.update(chunk);
      onProgress?.(bytesDone + chunk.length, bytesTotal);
      bytesDone += chunk.length;
    });
    const calculated = hash.digest('hex');
    if (end !== 'complete') bad.push({ ...bytes, reason: end });
    else if (calculated !== range.checksum) {
      bad.push({ ...bytes, reason: 'checksum', calculated, expected: range.checksum! });
    }
  }
  return { bad, uncheckedCount: bmap.ranges.length - checked.length };
}

const readAt = promisify(read);

/**
 * Hands the bytes of the range to `onChunk`, in order; a chunk is valid only during the call.
 * @returns how it ended. @throws {SystemError} with the errno name, but for EIO.
 */
export async function readRange(
  { fileDescriptor, path }: OpenFile,
  { startByte, endByte }: ByteRange,
  signal: AbortSignal | undefined,
  onChunk: (chunk: Uint8Array, startByte: number) => void,
): Promise<'complete' | 'unreadable' | 'past-end'> {
  const buffer = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, endByte - startByte));
  let atByte = startByte;
  while (atByte < endByte) {
    signal?.throwIfAborted();
    let count: number;
    try {
      const wanted = Math.min(buffer.length, endByte - atByte);
      ({ bytesRead: count } = await readAt(fileDescriptor, buffer, 0, wanted, atByte));
    } catch (error) {
      const failure = SystemError.from(error, path);
      if (failure.kind === 'EIO') return 'unreadable';
      throw failure;
    }
    if (count === 0) return 'past-end';
    onChunk(buffer.subarray(0, count), atByte);
    atByte += count;
  }
  return 'complete';
}

function requireDigest({ checksumType }: Bmap): string {
  const digest = findDigest(checksumType ?? '');
  if (digest === undefined) throw new RangeError(`no digest named ${checksumType}`);
  return digest;
}

function lengthOf({ startByte, endByte }: ByteRange): number {
  return endByte - startByte;
}
