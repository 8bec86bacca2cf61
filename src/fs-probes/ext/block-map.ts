/**
 * The block map of ext2 and ext3: twelve block numbers in the inode, then one block of numbers, then
 * trees of such blocks, two and three levels deep. 0 is a hole. Blocks of numbers carry no checksum.
 *
 * Linux: fs/ext4/indirect.c.
 */
import type { ImageReader } from '../../image/image-reader.ts';
import { type FileBlocks, MapWalk } from './map-walk.ts';
import type { FileInode } from './inode.ts';
import type { Superblock } from './superblock.ts';

const DIRECT_COUNT = 12;
const MAX_LEVELS = 3;

/** @throws {CorruptError} kind `bad-file-map`. */
export function readBlockMap(
  reader: ImageReader,
  superblock: Superblock,
  inode: FileInode,
): FileBlocks {
  const walk = new MapWalk(reader, superblock, `block map of inode ${inode.number}`);
  const perBlock = superblock.blockBytes / 4;
  const endBlock = Math.ceil(inode.sizeBytes / superblock.blockBytes);
  const field = viewOf(inode.blockField);
  for (let index = 0; index < DIRECT_COUNT; index++) {
    visit(walk, field.getUint32(index * 4, true), 0, index, endBlock, perBlock);
  }
  let logicalBlock = DIRECT_COUNT;
  for (let level = 1; level <= MAX_LEVELS; level++) {
    const block = field.getUint32((DIRECT_COUNT + level - 1) * 4, true);
    visit(walk, block, level, logicalBlock, endBlock, perBlock);
    logicalBlock += perBlock ** level;
  }
  return walk;
}

/** @param level how many blocks of numbers lie between this number and the file's own blocks. */
function visit(
  walk: MapWalk,
  block: number,
  level: number,
  logicalBlock: number,
  endBlock: number,
  perBlock: number,
): void {
  if (block === 0 || logicalBlock >= endBlock) return;
  if (level === 0) {
    walk.addRun(logicalBlock, block, 1);
    return;
  }
  const numbers = viewOf(walk.readMapBlock(block));
  const step = perBlock ** (level - 1);
  for (let index = 0; index < perBlock; index++) {
    const below = numbers.getUint32(index * 4, true);
    visit(walk, below, level - 1, logicalBlock + index * step, endBlock, perBlock);
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
