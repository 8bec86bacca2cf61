import type { ImageReader } from '../../image/image-reader.ts';
import { readBlockMap } from './block-map.ts';
import { readExtentTree } from './extent-tree.ts';
import type { FileInode } from './inode.ts';
import type { FileBlocks } from './map-walk.ts';
import type { Superblock } from './superblock.ts';

/**
 * Where the blocks of one file lie, whichever way its inode says it.
 * @throws {CorruptError} kind `bad-file-map` if the map of the file's blocks cannot be right.
 */
export function readFileBlocks(
  reader: ImageReader,
  superblock: Superblock,
  inode: FileInode,
): FileBlocks {
  return inode.usesExtents
    ? readExtentTree(reader, superblock, inode)
    : readBlockMap(reader, superblock, inode);
}
