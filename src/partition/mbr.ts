/**
 * The Master Boot Record as the table of a whole disk, with its logical partitions. It has no checksum
 * and shares its signature with the boot sectors of FAT, NTFS and exFAT, so it is believed as far as
 * Linux does: all status bytes valid. An entry of type 0 that has a length counts; ISO images have such.
 *
 * Source: UEFI 2.10, section 5.2; Linux `block/partitions/msdos.c`.
 */
import type { Finding } from '../errors/finding.ts';
import type { ImageReader } from '../image/image-reader.ts';
import {
  PROTECTIVE_TYPE,
  entryStartByte,
  toPartition,
  usedEntries,
  type BootRecord,
  type MbrEntry,
} from './boot-record.ts';
import { readLogicalPartitions } from './ebr.ts';
import { findMbrSectorBytes, type StartsFilesystem } from './mbr-sector-size.ts';
import type { TableParts } from './partition-table.ts';

export interface MbrReading extends TableParts {
  readonly sectorBytes: number;
  readonly isTrusted: boolean;
}

/** True if the record says what UEFI and Linux ask for before they look for a GPT. */
export function isProtective(record: BootRecord): boolean {
  return record.entries.some(({ type, startLba }) => type === PROTECTIVE_TYPE && startLba === 1);
}

/**
 * Reads the MBR of a disk without a GPT.
 * @returns undefined if sector 0 is no MBR but the boot sector of a filesystem, or has no entries.
 * @throws {SystemError} if the image cannot be read.
 */
export function readMbr(
  reader: ImageReader,
  record: BootRecord,
  startsFilesystem: StartsFilesystem,
): MbrReading | undefined {
  const used = usedEntries(record);
  if (used.length === 0) return undefined;
  // mkfs.fat --mbr names the filesystem that starts in this very sector once more, as a partition.
  const isSelfNamed = record.hasParameterBlock && used.every(({ startLba }) => startLba === 0);
  if (isSelfNamed && startsFilesystem(0)) return undefined;
  const sectorBytes = findMbrSectorBytes(reader, used, startsFilesystem);
  if (!record.hasValidStatus) {
    const isLikely = used.some(
      ({ startLba }) =>
        startLba > 0 && [512, 4096].some((unit) => startsFilesystem(startLba * unit)),
    );
    if (!isLikely) return undefined;
  }
  const doubt = findDoubt(record, used, sectorBytes);
  const parts = readMbrPartitions(reader, used, sectorBytes ?? 512);
  const findings = [...(doubt === undefined ? [] : [doubt]), ...parts.findings];
  if (sectorBytes === 4096 && doubt === undefined) findings.push(LARGE_SECTORS);
  return {
    ...parts,
    sectorBytes: sectorBytes ?? 512,
    isTrusted: doubt === undefined,
    findings: [...findings, ...reportEmptyEntries(record)],
  };
}

/** Turns entries into partitions, logical ones included. @throws {SystemError} */
export function readMbrPartitions(
  reader: ImageReader,
  entries: readonly MbrEntry[],
  sectorBytes: number,
): TableParts {
  const primaries = entries.map((entry) =>
    toPartition(entry, { scheme: 'mbr', number: entry.slot, baseByte: 0, sectorBytes }),
  );
  const containers = primaries.filter(({ isContainer }) => isContainer);
  const logical = readLogicalPartitions(reader, containers, sectorBytes);
  const mbr = { startByte: 0, endByte: Math.min(sectorBytes, reader.sizeBytes) };
  return {
    partitions: [...primaries, ...logical.partitions],
    tableRanges: [mbr, ...logical.tableRanges],
    findings: logical.findings,
  };
}

const LARGE_SECTORS: Finding = {
  level: 'info',
  code: 'mbr.sector-4096',
  text: 'the MBR counts in sectors of 4096 bytes: that is where the filesystems are',
  startByte: 0,
};

/** A type without a length claims nothing, but somebody may have meant it to. */
function reportEmptyEntries(record: BootRecord): readonly Finding[] {
  return record.entries
    .filter(({ type, sectorCount }) => type !== 0 && sectorCount === 0)
    .map(({ slot }) => ({
      level: 'info',
      code: 'partition.empty',
      text: `MBR partition ${slot} has a type and no length; it is ignored`,
      startByte: entryStartByte(slot),
    }));
}

/** The reason not to believe an MBR that is there, if there is one. */
function findDoubt(
  record: BootRecord,
  used: readonly MbrEntry[],
  sectorBytes: number | undefined,
): Finding | undefined {
  if (!record.hasValidStatus) {
    return {
      level: 'error',
      code: 'mbr.bad-status',
      text: 'the MBR has entries with an impossible status, but partitions with filesystems; whether it counts is not sure, so everything is mapped. Check the table with fdisk',
      startByte: 0,
    };
  }
  if (used.some(({ type }) => type === PROTECTIVE_TYPE)) {
    return {
      level: 'error',
      code: 'gpt.damaged',
      text: 'the MBR has an entry for a GPT, in the wrong place, and there is no GPT; everything is mapped. Repair the table with gdisk, then scan again',
      startByte: 0,
    };
  }
  if (sectorBytes === undefined) {
    return {
      level: 'error',
      code: 'mbr.sector-size',
      text: 'whether the MBR counts in sectors of 512 or of 4096 bytes is not recorded, and filesystems are found where both would be right; everything is mapped. Wipe the signs of old filesystems with wipefs',
      startByte: 0,
    };
  }
  return undefined;
}
