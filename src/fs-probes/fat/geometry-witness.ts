/**
 * Do clusters lie where the boot sector says? FAT12 and FAT16 keep no copy of it, and a wrong cluster
 * size or root size would shift every file. The files themselves can tell: a subdirectory starts with
 * an entry `.` that names its own cluster, and a file has as many clusters as its size needs.
 *
 * A sample of the root directory is enough, since a wrong layout is wrong for all. A root without
 * files proves nothing, and then there is nothing that could be misplaced but lost chains.
 */
import { hasAscii } from '../../bytes/text.ts';
import { CorruptError } from '../../errors/errors.ts';
import type { ImageReader } from '../../image/image-reader.ts';
import type { BootSector } from './boot-sector.ts';
import {
  entriesOf,
  isCluster,
  readCluster,
  readFixedRoot,
  successors,
  type FatVolume,
  type FileEntry,
} from './directory-walk.ts';
import type { FatTable } from './fat-table.ts';

/** Entries of the root directory that are asked. */
const MAX_WITNESSES = 64;
/** Chains are followed no farther; a longer file says nothing. */
const MAX_CHAIN_CLUSTERS = 256;

/** What one entry says about the layout. */
type Testimony = 'right' | 'doubtful' | 'wrong' | 'nothing';

/**
 * @param readings the copies of the table under each possible reading; one that fits is enough.
 * @param canJudgeChains false if the table may lag behind the directories or its copies differ.
 * @throws {CorruptError} kind `geometry` if the root directory contradicts the boot sector.
 */
export function askRootDirectory(
  reader: ImageReader,
  boot: BootSector,
  readings: readonly (readonly FatTable[])[],
  canJudgeChains: boolean,
): void {
  const contradictions = readings.map((tables) =>
    findContradiction({ reader, boot, tables }, canJudgeChains),
  );
  if (contradictions.includes(undefined)) return;
  throw new CorruptError(
    'geometry',
    { structure: 'FAT directory' },
    `the root directory ${contradictions[0]}, so the boot sector or the directory is wrong`,
  );
}

function findContradiction(volume: FatVolume, canJudgeChains: boolean): string | undefined {
  const { boot } = volume;
  const root =
    boot.rootCluster === undefined ? readFixedRoot(volume) : readCluster(volume, boot.rootCluster);
  if (!hasOnlyNames(root)) return 'holds no file names';
  let right = 0;
  let doubtful = 0;
  for (const entry of firstEntries(root, boot.isFat32)) {
    const testimony = askEntry(volume, entry, canJudgeChains);
    if (testimony === 'wrong') {
      return `names a file at cluster ${entry.firstCluster} that cannot be there`;
    }
    if (testimony === 'right') right++;
    if (testimony === 'doubtful') doubtful++;
  }
  return doubtful > 0 && right === 0 ? 'names files with more clusters than they need' : undefined;
}

function askEntry(volume: FatVolume, entry: FileEntry, canJudgeChains: boolean): Testimony {
  if (entry.isDirectory) return askSubdirectory(volume, entry);
  return canJudgeChains ? askFile(volume, entry) : 'nothing';
}

function askSubdirectory(volume: FatVolume, { firstCluster }: FileEntry): Testimony {
  if (firstCluster === 0) return 'nothing';
  if (!isCluster(volume.boot, firstCluster)) return 'wrong';
  const bytes = readCluster(volume, firstCluster);
  const view = new DataView(bytes.buffer);
  const high = volume.boot.isFat32 ? view.getUint16(20, true) : 0;
  const isItself = high * 0x1_0000 + view.getUint16(26, true) === firstCluster;
  if (!isItself || !hasAscii(bytes, 0, '.          ')) return 'wrong';
  // Cluster 2 is the first: it lies at the same place whatever the cluster size.
  return firstCluster === 2 ? 'nothing' : 'right';
}

function askFile(volume: FatVolume, { firstCluster, sizeBytes }: FileEntry): Testimony {
  const needed = Math.ceil(sizeBytes / volume.boot.clusterBytes);
  if (firstCluster === 0 || needed > MAX_CHAIN_CLUSTERS) return 'nothing';
  if (!isCluster(volume.boot, firstCluster)) return 'wrong';
  let cluster: number | undefined = firstCluster;
  for (let count = 1; count <= Math.max(needed, 1); count++) {
    const next: readonly number[] | undefined = successors(volume, cluster);
    if (next === undefined) return 'wrong';
    cluster = next[0];
    if (cluster === undefined) return judgeLength(count, needed);
  }
  // Room that was taken in advance, or clusters that are larger than the boot sector says.
  return 'doubtful';
}

function judgeLength(count: number, needed: number): Testimony {
  if (count < needed) return 'wrong';
  // Any layout would give one cluster to a small file.
  return needed > 1 ? 'right' : 'nothing';
}

function firstEntries(root: Uint8Array, isFat32: boolean): readonly FileEntry[] {
  const entries: FileEntry[] = [];
  for (const entry of entriesOf(root, isFat32)) {
    if (entries.push(entry) === MAX_WITNESSES) break;
  }
  return entries;
}

/** True if every entry up to the end mark has a name that a system can have written. */
function hasOnlyNames(root: Uint8Array): boolean {
  for (let at = 0; at + 32 <= root.length && root[at] !== 0; at += 32) {
    const isLongNamePart = root[at + 11] === 0x0f;
    if (root[at] === 0xe5 || isLongNamePart) continue;
    // 05 stands for a first letter E5. Other control characters were never allowed.
    const hasFirst = root[at]! >= 0x20 || root[at] === 0x05;
    if (!hasFirst || root.subarray(at + 1, at + 11).some((byte) => byte < 0x20)) return false;
  }
  return true;
}
