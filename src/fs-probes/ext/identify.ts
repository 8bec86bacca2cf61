import { formatUuid } from '../../bytes/guid.ts';
import { decode } from '../../bytes/layout.ts';
import { joinHalves } from '../../bytes/safe-number.ts';
import { readText } from '../../bytes/text.ts';
import { CorruptError, UnsupportedError } from '../../errors/errors.ts';
import type { Claim, Volume } from '../fs-probe.ts';
import { extVersion, isJournalDevice } from './features.ts';
import { openFilesystem } from './filesystem.ts';
import { openJournal } from './journal/open-journal.ts';
import { replayFilesystem } from './journal/replay-filesystem.ts';
import {
  EXT_MAGIC,
  featureWords,
  SUPERBLOCK_BYTES,
  SUPERBLOCK_START_BYTE,
  superblockLayout,
} from './superblock-layout.ts';
import { readSuperblock } from './superblock.ts';

/** The type of a claim on an external journal, as blkid and e2fsprogs know the format. */
export const JOURNAL_TYPE = 'jbd2';

/**
 * Does a superblock of the family lie here? The magic has only 16 bits, so most of the other fields
 * must make sense too; a few may be damaged.
 */
export function identifyExt(volume: Volume): Claim | undefined {
  const { reader } = volume;
  if (reader.sizeBytes < SUPERBLOCK_START_BYTE + SUPERBLOCK_BYTES) return undefined;
  const bytes = reader.readAt(SUPERBLOCK_START_BYTE, SUPERBLOCK_BYTES);
  const raw = decode(superblockLayout, bytes);
  if (raw.s_magic !== EXT_MAGIC || !isPlausible(bytes)) return undefined;
  const words = featureWords(bytes);
  const label = readText(raw.s_volume_name);
  return {
    volume,
    type: isJournalDevice(words) ? JOURNAL_TYPE : extVersion(words),
    lengthBytes: Math.max(claimedLength(bytes) ?? reader.sizeBytes, lengthAfterReplay(volume)),
    ...(label === '' ? {} : { label }),
    ...(raw.s_rev_level === 1 && raw.s_block_group_nr !== 0 ? { isCopy: true } : {}),
    uuid: formatUuid(raw.s_uuid),
  };
}

/** Four of six fields in their limits: random bytes have none of them, damage seldom hits three. */
const MIN_PLAUSIBLE_FIELDS = 4;

function isPlausible(bytes: Uint8Array): boolean {
  const raw = decode(superblockLayout, bytes);
  const signs = [
    raw.s_log_block_size <= 6,
    raw.s_rev_level <= 1,
    raw.s_first_data_block <= 1,
    raw.s_state < 8,
    raw.s_blocks_per_group % 8 === 0 && raw.s_blocks_per_group <= 2 ** 30,
    raw.s_inodes_per_group !== 0 && raw.s_inodes_per_group <= 2 ** 19,
  ];
  return signs.filter(Boolean).length >= MIN_PLAUSIBLE_FIELDS;
}

/** What the superblock says, unless that cannot be. A cut image is still shorter than this. */
function claimedLength(bytes: Uint8Array): number | undefined {
  const raw = decode(superblockLayout, bytes);
  if (raw.s_log_block_size > 6) return undefined;
  const is64Bit = (featureWords(bytes).incompat & 0x80) !== 0;
  const blockCount = joinHalves(raw.s_blocks_count_lo, is64Bit ? raw.s_blocks_count_hi : 0);
  const lengthBytes = Number(blockCount * BigInt(1024 << raw.s_log_block_size));
  return Number.isSafeInteger(lengthBytes) && lengthBytes > 0 ? lengthBytes : undefined;
}

/** A dirty journal may hold the news that the filesystem has grown. 0 if there is no such news. */
function lengthAfterReplay(volume: Volume): number {
  try {
    // Asked of the superblock alone: opening reads all descriptors, 2 MiB for 4 TiB.
    const { features } = readSuperblock(volume.reader);
    if (!features.has('needs_recovery')) return 0;
    const before = openFilesystem(volume.reader);
    const journal = openJournal(before, [volume]);
    if (journal === undefined) return 0;
    const { blockCount, blockBytes } = replayFilesystem(before, journal).after.superblock;
    return blockCount * blockBytes;
  } catch (error) {
    // The scan meets the same fault, and tells it.
    if (error instanceof CorruptError || error instanceof UnsupportedError) return 0;
    throw error;
  }
}
