import { CorruptError, UnsupportedError } from '../../errors/errors.ts';
import type { ImageReader } from '../../image/image-reader.ts';
import { readGroupTable, type GroupTable } from './group-descriptors.ts';
import { locateStaticMetadata, type StaticMetadata } from './static-metadata.ts';
import { SUPERBLOCK_START_BYTE, superblockLayout } from './superblock-layout.ts';
import { readSuperblock, type Superblock } from './superblock.ts';

/** A filesystem as one reader shows it: the image itself, or the image with a journal replayed. */
export interface Filesystem {
  readonly reader: ImageReader;
  readonly superblock: Superblock;
  readonly groups: GroupTable;
  readonly metadata: StaticMetadata;
}

/**
 * Reads what leads to the bitmaps.
 * @throws {CorruptError} for damage, kind `truncated` if the volume ends before the filesystem does,
 *   kind `error-flag` if the kernel has met damage before.
 * @throws {UnsupportedError} for unknown features, kind `unclean` if nothing says how the filesystem
 *   was left.
 */
export function openFilesystem(reader: ImageReader): Filesystem {
  const superblock = readSuperblock(reader);
  refuseUnlessTrusted(superblock, reader.sizeBytes);
  const groups = readGroupTable(reader, superblock);
  return { reader, superblock, groups, metadata: locateStaticMetadata(superblock, groups) };
}

const PLACE = { structure: superblockLayout.name, startByte: SUPERBLOCK_START_BYTE };

function refuseUnlessTrusted(superblock: Superblock, volumeBytes: number): void {
  const lengthBytes = superblock.blockCount * superblock.blockBytes;
  if (lengthBytes > volumeBytes) {
    throw new CorruptError(
      'truncated',
      PLACE,
      `the filesystem has ${lengthBytes} bytes, and only ${volumeBytes} are here`,
    );
  }
  if (superblock.hasErrorFlag) throw errorFlagFault();
  const hasJournal = superblock.features.has('has_journal');
  if (superblock.features.has('needs_recovery') && !hasJournal) {
    throw new CorruptError('no-journal', PLACE, 'wants a journal replayed, but has none');
  }
  if (!superblock.isCleanlyUnmounted) {
    throw new UnsupportedError(
      'unclean',
      PLACE,
      'the filesystem was not cleanly unmounted and no journal tells the rest, so its bitmaps are stale; ' +
        'for a tighter map unmount it, or run e2fsck -f, and scan again',
    );
  }
}

/** The kernel marks a filesystem in the superblock, or in the journal if it could do no more. */
export function errorFlagFault(): CorruptError {
  return new CorruptError('error-flag', PLACE, 'the kernel has marked the filesystem as damaged');
}
