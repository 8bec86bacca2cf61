/**
 * A journal on a device of its own: an ext superblock that says so, then the log. The filesystem names
 * it by UUID, and it may be another partition of the same image.
 *
 * Linux: fs/ext4/super.c, `ext4_get_dev_journal`.
 */
import { crc32c } from '../../../bytes/crc32c.ts';
import { decode } from '../../../bytes/layout.ts';
import { CorruptError, UnsupportedError } from '../../../errors/errors.ts';
import type { Volume } from '../../fs-probe.ts';
import { isJournalDevice } from '../features.ts';
import {
  EXT_MAGIC,
  featureWords,
  SUPERBLOCK_BYTES,
  SUPERBLOCK_START_BYTE,
  superblockLayout,
} from '../superblock-layout.ts';
import type { Superblock } from '../superblock.ts';
import { JournalBlocks } from './journal-blocks.ts';

/** Where the log's own superblock is, in blocks of the device: behind the one of ext. */
export function externalSuperblockBlock(blockBytes: number): number {
  return blockBytes === 1024 ? 2 : 1;
}

/**
 * The journal of `superblock` among the volumes of the image, if it is there.
 * @throws {CorruptError} kind `bad-journal` if it does not fit the filesystem.
 * @throws {UnsupportedError} kind `external-journal` if there are two of them.
 */
export function findExternalJournal(
  superblock: Superblock,
  volumes: readonly Volume[],
): JournalBlocks | undefined {
  const candidates = volumes.filter((volume) => isJournalOf(superblock, volume));
  const volume = candidates[0];
  if (volume === undefined) return undefined;
  if (candidates.length > 1) {
    const names = candidates.map(({ name }) => name).join(' and ');
    throw new UnsupportedError(
      'external-journal',
      { structure: 'external journal' },
      `${names} have the same UUID, so it is not known which one is meant`,
    );
  }
  const bytes = readRawSuperblock(volume);
  const raw = decode(superblockLayout, bytes);
  const hasChecksum = (raw.s_feature_ro_compat & METADATA_CSUM) !== 0;
  const { blockBytes } = superblock;
  const blockCount = raw.s_blocks_count_lo;
  if (
    1024 << raw.s_log_block_size !== blockBytes ||
    blockCount * blockBytes > volume.reader.sizeBytes ||
    (hasChecksum && crc32c(0xffffffff, bytes, 0, 0x3fc) !== raw.s_checksum)
  ) {
    throw new CorruptError(
      'bad-journal',
      { structure: `external journal on ${volume.name}`, startByte: SUPERBLOCK_START_BYTE },
      'does not fit the filesystem that names it',
    );
  }
  // Blocks of the log are counted from the start of the device.
  const run = { logicalBlock: 0, firstBlock: 0, blockCount };
  return new JournalBlocks(volume.reader, blockBytes, blockCount, [run]);
}

const METADATA_CSUM = 0x400;

function isJournalOf({ journalUuid }: Superblock, volume: Volume): boolean {
  if (volume.reader.sizeBytes < SUPERBLOCK_START_BYTE + SUPERBLOCK_BYTES) return false;
  const bytes = readRawSuperblock(volume);
  const raw = decode(superblockLayout, bytes);
  return (
    raw.s_magic === EXT_MAGIC &&
    isJournalDevice(featureWords(bytes)) &&
    Buffer.compare(raw.s_uuid, journalUuid) === 0
  );
}

function readRawSuperblock({ reader }: Volume): Uint8Array {
  return reader.readAt(SUPERBLOCK_START_BYTE, SUPERBLOCK_BYTES);
}
