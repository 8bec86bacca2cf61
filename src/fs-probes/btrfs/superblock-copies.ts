/**
 * Compares the copies of a superblock with the one that counts. Linux never mounts by them, and an fsync
 * writes only the first, so a copy may lag behind in its log; it may not belong to another commit.
 */
import { CorruptError, UnsupportedError } from '../../errors/errors.ts';
import type { Finding } from '../../errors/finding.ts';
import type { Device } from './device-set.ts';
import { parseSuperblock, SUPERBLOCK_BYTES, SUPERBLOCK_STARTS } from './superblock.ts';

/** A warning for each copy inside the device that cannot be used in place of the first. */
export function compareSuperblockCopies({ volume, superblock }: Device): readonly Finding[] {
  const findings: Finding[] = [];
  for (const startByte of SUPERBLOCK_STARTS.slice(1)) {
    // The last bytes of a device are not enough: the kernel leaves out a copy that ends at its end.
    if (startByte + SUPERBLOCK_BYTES >= superblock.deviceBytes) break;
    const fault = findFault(volume.reader.readAt(startByte, SUPERBLOCK_BYTES), startByte);
    if (fault === undefined) continue;
    const text = `${volume.name}: the superblock copy at byte ${startByte} ${fault}; it is mapped as it is`;
    findings.push({
      level: 'warning',
      code: 'btrfs.superblock-copy',
      text,
      startByte: volume.startByte + startByte,
    });
  }
  return findings;

  function findFault(bytes: Uint8Array, startByte: number): string | undefined {
    try {
      const copy = parseSuperblock(bytes, startByte);
      if (copy.fsid !== superblock.fsid) return 'belongs to another filesystem';
      if (copy.generation !== superblock.generation) {
        return `has generation ${copy.generation} instead of ${superblock.generation}`;
      }
      return undefined;
    } catch (error) {
      if (error instanceof CorruptError || error instanceof UnsupportedError) {
        return `cannot be used (${error.message})`;
      }
      throw error;
    }
  }
}
