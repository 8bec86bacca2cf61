/**
 * Logical partitions: a chain of Extended Boot Records inside an extended partition. In each, the
 * entries that are not extended are partitions, counted from this EBR, and the first extended one
 * leads to the next EBR, counted from the start of the extended partition. Order on disk is free.
 *
 * Source: Linux `block/partitions/msdos.c`, `parse_extended`.
 */
import type { Finding } from '../errors/finding.ts';
import type { ImageReader } from '../image/image-reader.ts';
import type { ByteRange } from '../ranges/byte-range.ts';
import { RangeSet } from '../ranges/range-set.ts';
import {
  BOOT_RECORD_BYTES,
  isExtended,
  parseBootRecord,
  toPartition,
  usedEntries,
  type BootRecord,
  type MbrEntry,
} from './boot-record.ts';
import type { Partition, TableParts } from './partition-table.ts';

/** In all extended partitions of an image together. Linux stops at 256 partitions. */
export const MAX_EBRS = 1024;
/** Linux' number for the first logical partition. */
const FIRST_LOGICAL_NUMBER = 5;
/** Linux believes the third and fourth entry only if they lie inside the extended partition. */
const PLAIN_SLOTS = 2;

/**
 * Walks the chains of all extended partitions, in the order of the MBR.
 * @throws {SystemError} if the image cannot be read.
 */
export function readLogicalPartitions(
  reader: ImageReader,
  containers: readonly Partition[],
  sectorBytes: number,
): TableParts {
  const walk = new EbrWalk(reader, sectorBytes);
  for (const container of containers) walk.follow(container);
  return walk;
}

class EbrWalk implements TableParts {
  readonly partitions: Partition[] = [];
  readonly tableRanges: ByteRange[] = [];
  readonly findings: Finding[] = [];
  readonly #reader: ImageReader;
  readonly #sectorBytes: number;
  readonly #visited = new Set<number>();

  constructor(reader: ImageReader, sectorBytes: number) {
    this.#reader = reader;
    this.#sectorBytes = sectorBytes;
  }

  follow(container: Partition): void {
    let ebrStart = container.startByte;
    for (;;) {
      const record = this.#read(ebrStart, container);
      if (typeof record === 'string') {
        this.#breakOff(container, ebrStart, record);
        return;
      }
      this.#visited.add(ebrStart);
      const ebrEnd = Math.min(ebrStart + this.#sectorBytes, this.#reader.sizeBytes);
      this.tableRanges.push({ startByte: ebrStart, endByte: ebrEnd });
      const used = usedEntries(record);
      for (const entry of used) {
        if (!isExtended(entry)) this.#list(entry, ebrStart, container);
      }
      const link = used.find(isExtended);
      if (link === undefined) return;
      ebrStart = container.startByte + link.startLba * this.#sectorBytes;
    }
  }

  /** The record at `ebrStart`, or why there is none. */
  #read(ebrStart: number, container: Partition): BootRecord | string {
    if (this.#visited.has(ebrStart)) return 'was read before: the chain is a loop';
    if (this.#visited.size >= MAX_EBRS) return `comes after ${MAX_EBRS} others, the limit`;
    if (ebrStart >= container.endByte) return 'lies outside of the extended partition';
    if (ebrStart + BOOT_RECORD_BYTES > this.#reader.sizeBytes) {
      return 'lies behind the end of the image';
    }
    const record = parseBootRecord(this.#reader.readAt(ebrStart, BOOT_RECORD_BYTES));
    if (record === undefined) return 'has no signature (55 AA)';
    return record.hasValidStatus ? record : 'has entries with an impossible status';
  }

  #list(entry: MbrEntry, ebrStart: number, container: Partition): void {
    const partition = toPartition(entry, {
      scheme: 'logical',
      number: FIRST_LOGICAL_NUMBER + this.partitions.length,
      baseByte: ebrStart,
      sectorBytes: this.#sectorBytes,
    });
    const isInside = partition.endByte <= container.endByte;
    if (!isInside && entry.slot > PLAIN_SLOTS) return;
    this.partitions.push(partition);
    if (isInside) return;
    this.findings.push({
      level: 'warning',
      code: 'ebr.logical-outside',
      text: `logical partition ${partition.number} reaches out of extended partition ${container.number}; it is read where it is. Check the table with fdisk`,
      startByte: partition.startByte,
    });
  }

  /** What of the extended partition is not known to be a logical one may be one that was not found. */
  #breakOff(container: Partition, ebrStart: number, reason: string): void {
    const endByte = Math.min(container.endByte, this.#reader.sizeBytes);
    if (container.startByte < endByte) {
      const known = RangeSet.of(...this.partitions);
      this.tableRanges.push(...known.complementWithin(container.startByte, endByte));
    }
    this.findings.push({
      level: 'warning',
      code: 'ebr.broken-chain',
      text: `extended partition ${container.number}: the boot record at byte ${ebrStart} ${reason}; logical partitions behind it are not known, so what the known ones do not cover is mapped. Check the table with fdisk`,
      startByte: ebrStart,
    });
  }
}
