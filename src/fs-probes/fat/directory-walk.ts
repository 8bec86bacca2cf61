/**
 * Directories: 32-byte entries, each with the first cluster of a file or subdirectory. The root of
 * FAT12 and FAT16 is a fixed region, every other directory a chain of clusters.
 *
 * On a volume that was not unmounted the table may lag behind the directories, and a reader opens a
 * file at the cluster its entry names without asking the table. So the walk names those clusters.
 * Where a directory cannot be read to its end, nothing is known of what it holds: an error.
 *
 * Names are not read. Entries behind the end mark are taken like others, as Linux does.
 * Sources: Microsoft, "FAT: General Overview of On-Disk Format" 1.03, "FAT Directory Structure";
 * Linux `fs/fat/dir.c` and `fs/fat/cache.c`, `fat_get_cluster`.
 */
import { hasAscii } from '../../bytes/text.ts';
import { CorruptError, UnsupportedError } from '../../errors/errors.ts';
import type { ImageReader } from '../../image/image-reader.ts';
import type { BootSector } from './boot-sector.ts';
import { badMark, nextCluster, readEntry, type FatTable } from './fat-table.ts';

const ENTRY_BYTES = 32;
const DELETED = 0xe5;
const ATTRIBUTE_VOLUME_ID = 0x08; // labels, and the pieces of long names
const ATTRIBUTE_DIRECTORY = 0x10;
/** Bounds the memory of a walk through a hostile image to some 20 MiB. */
const MAX_DIRECTORY_CLUSTERS = 262_144;
/** Bounds its time: some ten seconds of reading. */
const MAX_DIRECTORY_BYTES = 4 * 1024 ** 3;

/** The parts of a volume that a walk needs. */
export interface FatVolume {
  readonly reader: ImageReader;
  readonly boot: BootSector;
  /** Chains are followed in all of them at once. */
  readonly tables: readonly FatTable[];
}

export interface FileEntry {
  readonly isDirectory: boolean;
  readonly firstCluster: number;
  readonly sizeBytes: number;
}

export type UseCluster = (kind: 'data' | 'directory', cluster: number) => void;

/**
 * Visits every directory and names its clusters and the first cluster of every entry.
 * @throws {CorruptError} if a directory lies outside the volume or breaks off.
 * @throws {UnsupportedError} kind `directories-too-large`.
 */
export function walkDirectories(volume: FatVolume, use: UseCluster): void {
  const { boot } = volume;
  const seen = new Set<number>();
  const waiting: number[] = [];
  const visitLater = (cluster: number): void => {
    if (seen.has(cluster)) return;
    if (!isCluster(boot, cluster)) throw brokenDirectory(cluster, 'lies outside the volume');
    seen.add(cluster);
    checkSize(seen.size, boot.clusterBytes);
    waiting.push(cluster);
  };
  const takeEntries = (bytes: Uint8Array): void => {
    for (const { isDirectory, firstCluster } of entriesOf(bytes, boot.isFat32)) {
      if (isCluster(boot, firstCluster)) use('data', firstCluster);
      if (isDirectory && firstCluster !== 0) visitLater(firstCluster);
    }
  };
  takeEntries(readFixedRoot(volume));
  if (boot.rootCluster !== undefined) visitLater(boot.rootCluster);
  for (let cluster = waiting.pop(); cluster !== undefined; cluster = waiting.pop()) {
    use('directory', cluster);
    takeEntries(readCluster(volume, cluster));
    const next = successors(volume, cluster);
    if (next === undefined) throw brokenDirectory(cluster, 'has no end and no successor');
    next.forEach(visitLater);
  }
}

/** The entries of one piece of a directory, without labels, long names, `.` and `..`. */
export function* entriesOf(bytes: Uint8Array, isFat32: boolean): Generator<FileEntry> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + ENTRY_BYTES <= bytes.length; at += ENTRY_BYTES) {
    const attributes = view.getUint8(at + 11);
    if (bytes[at] === 0 || bytes[at] === DELETED) continue;
    if ((attributes & ATTRIBUTE_VOLUME_ID) !== 0) continue;
    if (hasAscii(bytes, at, '.          ') || hasAscii(bytes, at, '..         ')) continue;
    // FAT12 and FAT16 keep other things in the upper half.
    const high = isFat32 ? view.getUint16(at + 20, true) : 0;
    yield {
      isDirectory: (attributes & ATTRIBUTE_DIRECTORY) !== 0,
      firstCluster: high * 0x1_0000 + view.getUint16(at + 26, true),
      sizeBytes: view.getUint32(at + 28, true),
    };
  }
}

/** The fixed root directory; empty on FAT32, at most 2 MiB elsewhere. */
export function readFixedRoot({ reader, boot }: FatVolume): Uint8Array {
  return reader.readAt(boot.rootStartByte, boot.dataStartByte - boot.rootStartByte);
}

export function readCluster({ reader, boot }: FatVolume, cluster: number): Uint8Array {
  return reader.readAt(clusterStart(boot, cluster), boot.clusterBytes);
}

/** Position of a cluster in the volume. */
export function clusterStart(boot: BootSector, cluster: number): number {
  return boot.dataStartByte + (cluster - 2) * boot.clusterBytes;
}

export function isCluster(boot: BootSector, cluster: number): boolean {
  return cluster >= 2 && cluster < boot.clusterCount + 2;
}

/** Where the tables say a chain goes on: nowhere at its end, `undefined` if none knows. */
export function successors(volume: FatVolume, cluster: number): readonly number[] | undefined {
  let isKnown = false;
  const next: number[] = [];
  for (const table of volume.tables) {
    if (cluster >= table.endCluster) continue;
    const value = nextCluster(table.bits, readEntry(volume.reader, table, cluster));
    const isEnd = value >= badMark(table.bits);
    if (!isEnd && !isCluster(volume.boot, value)) continue;
    isKnown = true;
    if (!isEnd) next.push(value);
  }
  return isKnown ? next : undefined;
}

function brokenDirectory(cluster: number, what: string): CorruptError {
  return new CorruptError(
    'directory-chain',
    { structure: 'FAT directory' },
    `cluster ${cluster} of a directory ${what}, so not all files are known`,
  );
}

function checkSize(clusters: number, clusterBytes: number): void {
  if (clusters <= MAX_DIRECTORY_CLUSTERS && clusters * clusterBytes <= MAX_DIRECTORY_BYTES) return;
  throw new UnsupportedError(
    'directories-too-large',
    { structure: 'FAT directory' },
    `the directories are larger than ${MAX_DIRECTORY_BYTES} bytes or ${MAX_DIRECTORY_CLUSTERS} clusters`,
  );
}
