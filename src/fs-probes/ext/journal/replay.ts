/**
 * Puts the complete transactions of a log over the filesystem they belong to, in memory: the last copy
 * of every block that no later transaction revoked.
 */
import { CorruptError } from '../../../errors/errors.ts';
import type { ImageReader } from '../../../image/image-reader.ts';
import type { JournalBlocks } from './journal-blocks.ts';
import type { JournalSuperblock } from './journal-superblock.ts';
import { hasValidCopy } from './log-blocks.ts';
import { OverlayReader, type BlockCopy } from './overlay-reader.ts';
import type { Transaction } from './read-log.ts';

/**
 * @param base the filesystem as it lies in the image.
 * @throws {CorruptError} kind `bad-journal` if a copy does not match its checksum, or has its home
 *   outside of the volume. The kernel does not mount such a filesystem.
 */
export function replay(
  base: ImageReader,
  blocks: JournalBlocks,
  journal: JournalSuperblock,
  transactions: readonly Transaction[],
): OverlayReader {
  const revokedIn = lastRevocations(transactions);
  const homeCount = Math.floor(base.sizeBytes / journal.blockBytes);
  const copies = new Map<number, BlockCopy>();
  transactions.forEach(({ sequence, blocks: logged }, index) => {
    for (const tag of logged) {
      if ((revokedIn.get(tag.homeBlock) ?? -1) >= index) continue;
      if (tag.homeBlock >= homeCount) {
        throw fault(
          `transaction ${sequence} leads to block ${tag.homeBlock}, outside of the volume`,
        );
      }
      if (
        (journal.checksums === 'v2' || journal.checksums === 'v3') &&
        !hasValidCopy(blocks.read(tag.logBlock), tag, sequence, journal)
      ) {
        throw fault(`the copy of block ${tag.homeBlock} in transaction ${sequence} is damaged`);
      }
      copies.set(tag.homeBlock, {
        startByte: blocks.startByteOf(tag.logBlock),
        isEscaped: tag.isEscaped,
      });
    }
  });
  return new OverlayReader(base, blocks.reader, journal.blockBytes, copies);
}

/** For every revoked home the index of the last transaction that revokes it. */
function lastRevocations(transactions: readonly Transaction[]): ReadonlyMap<number, number> {
  const last = new Map<number, number>();
  transactions.forEach(({ revokedHomes }, index) => {
    for (const home of revokedHomes) last.set(home, index);
  });
  return last;
}

function fault(message: string): CorruptError {
  return new CorruptError('bad-journal', { structure: 'jbd2 journal' }, message);
}
