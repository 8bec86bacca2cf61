/** What the user is told about a filesystem that was read, but not without trouble. */
import type { CorruptError } from '../../errors/errors.ts';
import type { Finding } from '../../errors/finding.ts';
import type { Volume } from '../fs-probe.ts';
import type { FreeBlocks } from './free-blocks.ts';
import { firstBlockOfGroup } from './geometry.ts';
import type { Superblock } from './superblock.ts';

export function journalInodeFinding(volume: Volume, fault: CorruptError): Finding {
  return {
    level: 'warning',
    code: 'ext.journal-inode',
    text: `${volume.name}: the journal was found by its copy in the superblock, because its inode cannot be read (${fault.message}). Run e2fsck -f and scan again`,
    startByte: volume.startByte,
  };
}

/** @param addedBlocks blocks that are used only after the replay. */
export function replayedFinding(
  volume: Volume,
  transactionCount: number,
  addedBlocks: number,
): Finding {
  const transactions = `${transactionCount} transaction${transactionCount === 1 ? '' : 's'}`;
  return {
    level: 'warning',
    code: 'ext.journal.replayed',
    text: `${volume.name}: not cleanly unmounted; ${transactions} of the journal were applied for the map, and ${addedBlocks} blocks are used only after that. Blocks in use before or after are mapped; for a tighter map unmount the filesystem, or run e2fsck -f, and scan again`,
    startByte: volume.startByte,
  };
}

/** Groups that are named before "and N more". */
const MAX_NAMED = 8;

export function groupFindings(
  volume: Volume,
  superblock: Superblock,
  { badChecksumGroups, contradictingGroups, skippedGroupCount }: FreeBlocks,
): readonly Finding[] {
  const findings: Finding[] = [];
  const warn = (code: string, groups: readonly number[], reason: string): void => {
    const first = groups[0];
    if (first === undefined) return;
    findings.push({
      level: 'warning',
      code,
      text: `${volume.name}: ${listGroups(groups)}: ${reason}; mapped whole. Run e2fsck -f and scan again`,
      startByte: volume.startByte + firstBlockOfGroup(superblock, first) * superblock.blockBytes,
    });
  };
  warn('ext.bitmap-checksum', badChecksumGroups, 'the checksum of the block bitmap does not match');
  warn(
    'ext.bitmap-contradiction',
    contradictingGroups,
    'the block bitmap contradicts the count of free blocks, or calls metadata or the journal free',
  );
  if (skippedGroupCount > 0) {
    findings.push({
      level: 'warning',
      code: 'ext.too-fragmented',
      text: `${volume.name}: free space is in too many pieces; the last ${skippedGroupCount} block groups are mapped whole`,
      startByte: volume.startByte,
    });
  }
  return findings;
}

function listGroups(groups: readonly number[]): string {
  const named = groups.slice(0, MAX_NAMED).join(', ');
  const rest = groups.length - MAX_NAMED;
  return `block group${groups.length > 1 ? 's' : ''} ${named}${rest > 0 ? ` and ${rest} more` : ''}`;
}
