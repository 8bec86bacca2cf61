/**
 * From the file allocation table to runs of used clusters. A cluster is used if its entry is not zero
 * in any copy of the table, or if the chain of another cluster leads to it: readers look at the entry
 * of a cluster only when they want to know what comes behind it.
 *
 * Copies are compared chunk by chunk; where they differ each is read for itself. Which copy is the
 * active one does not matter then. Entries past the last cluster are ignored.
 */
import { UnsupportedError } from '../../errors/errors.ts';
import type { ImageReader } from '../../image/image-reader.ts';
import { badMark, entryBytes, entryReader, nextCluster, type FatTable } from './fat-table.ts';

/** Even, so that chunks of 12-bit entries start at a whole byte. 1 MiB of FAT32. */
const CHUNK_ENTRIES = 262_144;
/** 2^20 runs take some 300 MiB until the map is made; few real volumes are in so many pieces. */
const MAX_RUNS = 1_048_576;

export type UseClusters = (kind: 'data' | 'bad', firstCluster: number, endCluster: number) => void;

/**
 * Names all used clusters that the copies of one table know, in runs that may overlap.
 * @returns the position in the volume where two copies first differ, if they do.
 * @throws {UnsupportedError} kind `too-many-runs` if the allocation is too scattered to be held.
 */
export function scanAllocation(
  reader: ImageReader,
  copies: readonly FatTable[],
  use: UseClusters,
): number | undefined {
  const { bits, endCluster } = copies[0]!;
  const useCounted = countRuns(use);
  let differsAtByte: number | undefined;
  for (let first = 0; first < endCluster; first += CHUNK_ENTRIES) {
    const end = Math.min(first + CHUNK_ENTRIES, endCluster);
    const [fromByte, toByte] = entryBytes(bits, first, end);
    const seen: Uint8Array[] = [];
    for (const copy of copies) {
      const startByte = copy.startByte + fromByte;
      const bytes = reader.readAt(startByte, toByte - fromByte);
      if (seen.some((other) => Buffer.compare(other, bytes) === 0)) continue;
      if (seen.length > 0) differsAtByte ??= startByte + firstDifference(seen[0]!, bytes);
      seen.push(bytes);
      scanChunk(copy, bytes, first, end, useCounted);
    }
  }
  return differsAtByte;
}

/** The hot loop: 31 million entries on a volume of 2 TB, most of them zero or "the next one". */
function scanChunk(
  table: FatTable,
  bytes: Uint8Array,
  chunkFirst: number,
  chunkEnd: number,
  use: UseClusters,
): void {
  const { bits, endCluster } = table;
  const entryAt = entryReader(bits, bytes);
  const bad = badMark(bits);
  let runFirst = 0; // no cluster has the number 0: no run is open
  let next = 0;
  for (let cluster = Math.max(chunkFirst, 2); cluster < chunkEnd; cluster++) {
    const raw = entryAt(cluster - chunkFirst);
    const isLedTo = next === cluster;
    next = nextCluster(bits, raw);
    if (next === bad) {
      use('bad', cluster, cluster + 1);
    } else if (raw !== 0 || isLedTo) {
      if (runFirst === 0) runFirst = cluster;
      if (next !== cluster + 1 && next >= 2 && next < endCluster) use('data', next, next + 1);
      continue;
    }
    if (runFirst !== 0) use('data', runFirst, cluster);
    runFirst = 0;
  }
  if (runFirst !== 0) use('data', runFirst, chunkEnd);
  // The first cluster of the next chunk, where the chain goes on.
  if (next === chunkEnd && next < endCluster) use('data', next, next + 1);
}

function countRuns(use: UseClusters): UseClusters {
  let runs = 0;
  return (kind, firstCluster, endCluster) => {
    if (++runs > MAX_RUNS) {
      throw new UnsupportedError(
        'too-many-runs',
        { structure: 'file allocation table' },
        `the allocation is in more than ${MAX_RUNS} pieces`,
      );
    }
    use(kind, firstCluster, endCluster);
  };
}

function firstDifference(one: Uint8Array, other: Uint8Array): number {
  return one.findIndex((byte, index) => byte !== other[index]);
}
