/**
 * Where a file on the host holds data, as its filesystem tells: FIEMAP first, then SEEK_DATA. The two
 * differ for space that was reserved and never written, which only FIEMAP calls data; the order is
 * bmaptool's, so that both make the same map.
 */
import { SystemError } from '../errors/errors.ts';
import { RangeSet, RangeSetBuilder } from '../ranges/range-set.ts';

export interface OpenFile {
  readonly fileDescriptor: number;
  readonly path: string;
}

/** The system calls this is made of; `native/` has them for Linux. Undefined answers as stated. */
export interface HoleCalls {
  /** The first extents in `[startByte, endByte)`; undefined if the filesystem cannot tell. */
  readExtents(
    file: OpenFile,
    startByte: number,
    endByte: number,
  ): readonly { readonly startByte: number; readonly endByte: number }[] | undefined;
  /** The first data from there on; undefined if there is none. */
  seekData(file: OpenFile, fromByte: number): number | undefined;
  /** The first hole from there on, at the latest the end of the file. */
  seekHole(file: OpenFile, fromByte: number): number | undefined;
}

/**
 * The bytes of the file that are no holes, clipped at `sizeBytes`.
 * @throws {SystemError} kind `no-hole-information` if the filesystem tells neither way, or the errno name.
 */
export function readDataRanges(file: OpenFile, sizeBytes: number, calls: HoleCalls): RangeSet {
  return readByExtents(file, sizeBytes, calls) ?? readBySeeking(file, sizeBytes, calls);
}

function readByExtents(file: OpenFile, sizeBytes: number, calls: HoleCalls): RangeSet | undefined {
  const ranges = new RangeSetBuilder();
  let atByte = 0;
  while (atByte < sizeBytes) {
    const extents = calls.readExtents(file, atByte, sizeBytes);
    if (extents === undefined) return undefined;
    if (extents.length === 0) break;
    const beforeByte = atByte;
    for (const { startByte, endByte } of extents) {
      // Filesystems may list blocks behind the end of the file.
      const clippedEnd = Math.min(endByte, sizeBytes);
      if (startByte < clippedEnd) ranges.add(startByte, clippedEnd);
      atByte = Math.max(atByte, endByte);
    }
    if (atByte === beforeByte) throw contradiction(file, atByte);
  }
  return ranges.build();
}

function readBySeeking(file: OpenFile, sizeBytes: number, calls: HoleCalls): RangeSet {
  const ranges = new RangeSetBuilder();
  let atByte = 0;
  try {
    while (atByte < sizeBytes) {
      const startByte = calls.seekData(file, atByte);
      if (startByte === undefined || startByte >= sizeBytes) break;
      const endByte = calls.seekHole(file, startByte) ?? sizeBytes;
      if (startByte < atByte || endByte <= startByte) throw contradiction(file, atByte);
      ranges.add(startByte, Math.min(endByte, sizeBytes));
      atByte = endByte;
    }
  } catch (error) {
    if (!(error instanceof SystemError && error.kind === 'EINVAL')) throw error;
    const problem =
      'its filesystem does not tell where a file has holes; copy the image to another one, or use `bmap scan --bmap`';
    throw new SystemError('no-hole-information', file.path, problem, { cause: error });
  }
  return ranges.build();
}

function contradiction(file: OpenFile, atByte: number): SystemError {
  const problem = `its filesystem contradicts itself about what lies at byte ${atByte}; is the file being written to?`;
  return new SystemError('hole-contradiction', file.path, problem);
}
