/**
 * From an image to its partitions, whatever kind of table it has. Never fails on bad bytes: a table
 * that is there and cannot be relied on is reported as not trusted, and the whole image stays.
 *
 * A GPT counts if the MBR has a protective entry, as for Linux and UEFI. A GPT without one, under an
 * MBR of its own or none, is either old or damaged; nobody can tell which, so it is not trusted.
 */
import { hasAscii } from '../bytes/text.ts';
import type { Finding } from '../errors/finding.ts';
import type { ImageReader } from '../image/image-reader.ts';
import type { ByteRange } from '../ranges/byte-range.ts';
import {
  BOOT_RECORD_BYTES,
  PROTECTIVE_TYPE,
  parseBootRecord,
  usedEntries,
  type BootRecord,
} from './boot-record.ts';
import { findForeignTable, findNestedTable } from './foreign-tables.ts';
import { readGpt, type GptReading } from './gpt.ts';
import { isProtective, readMbr, readMbrPartitions } from './mbr.ts';
import type { StartsFilesystem } from './mbr-sector-size.ts';
import type { Partition, PartitionTable } from './partition-table.ts';
import { checkPlacement } from './placement.ts';

const ISO_MAGIC = 'CD001';

export interface PartitionTableOptions {
  /** True if the magic of any filesystem is found where one at this byte of the image has it. */
  readonly startsFilesystem: StartsFilesystem;
}

/** @throws {SystemError} if the image cannot be read. */
export function readPartitionTable(
  reader: ImageReader,
  options: PartitionTableOptions,
): PartitionTable {
  const table = readKnownTable(reader, options);
  const foreign = findForeignTable(reader);
  const nested = findNestedTables(reader, table.partitions);
  const findings = [
    ...table.findings,
    ...checkPlacement(table.partitions, reader.sizeBytes),
    ...nested.findings,
  ];
  const tableRanges = [...table.tableRanges, ...nested.tableRanges];
  if (foreign === undefined) return { ...table, tableRanges, findings };
  findings.push({
    level: isIsoImage(reader) ? 'info' : 'warning',
    code: 'table.foreign',
    text: `the disk has a partition table of type ${foreign}, which is not understood; everything is mapped`,
    startByte: 0,
  });
  const scheme = table.scheme === 'none' ? 'foreign' : table.scheme;
  return { ...table, scheme, tableRanges, isTrusted: false, findings };
}

/** GPT and MBR, alone or together. */
function readKnownTable(
  reader: ImageReader,
  { startsFilesystem }: PartitionTableOptions,
): PartitionTable {
  const record = readBootRecord(reader);
  const gpt = readGpt(reader, record !== undefined && isProtective(record));
  if (gpt !== undefined) return joinTables(reader, gpt, record);
  const mbr = record && readMbr(reader, record, startsFilesystem);
  return mbr === undefined ? NO_TABLE : { scheme: 'mbr', ...mbr };
}

const NO_TABLE: PartitionTable = {
  scheme: 'none',
  sectorBytes: 512,
  partitions: [],
  tableRanges: [],
  isTrusted: true,
  findings: [],
};

function readBootRecord(reader: ImageReader): BootRecord | undefined {
  if (reader.sizeBytes < BOOT_RECORD_BYTES) return undefined;
  return parseBootRecord(reader.readAt(0, BOOT_RECORD_BYTES));
}

/** A GPT and what its MBR names besides: both kinds of reader exist, so both kinds of partition do. */
function joinTables(
  reader: ImageReader,
  gpt: GptReading,
  record: BootRecord | undefined,
): PartitionTable {
  const isProtected = record !== undefined && isProtective(record);
  const isMbr = record !== undefined && (isProtected || record.hasValidStatus);
  const others = isMbr ? usedEntries(record).filter(({ type }) => type !== PROTECTIVE_TYPE) : [];
  const doubts = isProtected ? [] : [reportUnprotected(reader, others.length > 0)];
  if (others.length === 0) {
    return {
      ...gpt,
      scheme: 'gpt',
      isTrusted: gpt.isTrusted && isProtected,
      findings: [...gpt.findings, ...doubts],
    };
  }
  const mbr = readMbrPartitions(reader, others, gpt.sectorBytes);
  return {
    scheme: 'hybrid',
    sectorBytes: gpt.sectorBytes,
    partitions: [...gpt.partitions, ...mbr.partitions],
    tableRanges: [...gpt.tableRanges, ...mbr.tableRanges],
    isTrusted: gpt.isTrusted && isProtected,
    findings: [...gpt.findings, ...doubts, ...mbr.findings],
  };
}

function reportUnprotected(reader: ImageReader, hasMbr: boolean): Finding {
  const where = hasMbr ? 'under an MBR that does not mention it' : 'without a protective MBR';
  const isIso = isIsoImage(reader);
  const advice = isIso
    ? 'ISO images are often made so'
    : 'Write a protective MBR with gdisk, or delete an old GPT with wipefs';
  return {
    level: isIso ? 'info' : 'warning',
    code: 'gpt.no-protective-mbr',
    text: `there is a GPT ${where}; most systems ignore it, some do not, so everything is mapped. ${advice}`,
    startByte: 0,
  };
}

/** ISO images for all machines carry up to three tables, on purpose: no reason to warn. ECMA-119, 8.4. */
function isIsoImage(reader: ImageReader): boolean {
  const startByte = 16 * 2048 + 1;
  if (startByte + ISO_MAGIC.length > reader.sizeBytes) return false;
  return hasAscii(reader.readAt(startByte, ISO_MAGIC.length), 0, ISO_MAGIC);
}

/** Partitions that hold tables of their own: nothing in them is left out. */
function findNestedTables(
  reader: ImageReader,
  partitions: readonly Partition[],
): { tableRanges: readonly ByteRange[]; findings: readonly Finding[] } {
  const tableRanges: ByteRange[] = [];
  const findings: Finding[] = [];
  for (const partition of partitions) {
    const startByte = partition.startByte;
    const endByte = Math.min(partition.endByte, reader.sizeBytes);
    if (partition.isContainer || startByte >= endByte) continue;
    const table = findNestedTable(reader, partition);
    if (table === undefined) continue;
    tableRanges.push({ startByte, endByte });
    findings.push({
      level: 'warning',
      code: 'table.nested',
      text: `partition ${partition.number} is divided by a table of type ${table}, which is not understood; it is mapped whole`,
      startByte,
    });
  }
  return { tableRanges, findings };
}
