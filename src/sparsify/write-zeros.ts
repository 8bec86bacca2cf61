import type { OpenFile } from '../bmap/hole-map.ts';
import { SystemError } from '../errors/errors.ts';
import type { RangeSet } from '../ranges/range-set.ts';
import type { SparsifyHost } from './sparsify-host.ts';

const ZEROS = new Uint8Array(2 ** 20);

/**
 * Writes real zeros. Reserving the space would be faster, but what was reserved and never written still
 * counts as a hole for those who ask with SEEK_DATA. @throws {SystemError} with the errno name.
 */
export async function writeZeros(
  file: OpenFile,
  ranges: RangeSet,
  host: Pick<SparsifyHost, 'write'>,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (const { startByte, endByte } of ranges) {
    for (let atByte = startByte; atByte < endByte;) {
      signal?.throwIfAborted();
      atByte += await writeSome(file, ZEROS.subarray(0, endByte - atByte), atByte, host);
    }
  }
}

/** @returns how many bytes were written, at least 1. @throws {SystemError} with the errno name. */
export async function writeSome(
  { fileDescriptor, path }: OpenFile,
  bytes: Uint8Array,
  startByte: number,
  host: Pick<SparsifyHost, 'write'>,
): Promise<number> {
  let count: number;
  try {
    count = await host.write(fileDescriptor, bytes, startByte);
  } catch (error) {
    throw SystemError.from(error, path);
  }
  if (count > 0) return count;
  throw new SystemError(
    'short-write',
    path,
    `takes no more bytes at byte ${startByte}; is its filesystem full?`,
  );
}
