/**
 * One copy of the file allocation table under one reading of its entries: 12, 16 or 32 bits, the
 * entry of cluster n at bit n * width. An entry is 0 for a free cluster, else the number of the next
 * cluster of the file, or a mark. FAT32 entries have 28 bits and four that belong to nobody.
 *
 * Source: Microsoft, "FAT: General Overview of On-Disk Format" 1.03, "FAT Data Structure".
 */
import type { ImageReader } from '../../image/image-reader.ts';
import type { BootSector } from './boot-sector.ts';
import { entryReadings, usableClusters, type EntryBits } from './fat-type.ts';

export interface FatTable {
  readonly bits: EntryBits;
  /** 0 for the first copy. */
  readonly copy: number;
  readonly startByte: number;
  /** Entries 2 up to this number, exclusive, stand for clusters of the data area. */
  readonly endCluster: number;
}

/** Every copy of the table under every possible reading, the first copy and likeliest reading first. */
export function fatTables(boot: BootSector): readonly FatTable[] {
  return entryReadings(boot).flatMap((bits) =>
    Array.from({ length: boot.fatCount }, (_, copy) => ({
      bits,
      copy,
      startByte: boot.reservedBytes + copy * boot.fatBytes,
      endCluster: usableClusters(boot, bits) + 2,
    })),
  );
}

/** Raw value of entry `index` of a buffer that starts with an even entry. 0 means free, all else used. */
export type EntryReader = (index: number) => number;

/** Reads entries out of `bytes`. For FAT32 all 32 bits: a set mark alone makes an entry used. */
export function entryReader(bits: EntryBits, bytes: Uint8Array): EntryReader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bits === 32) return (index) => view.getUint32(index * 4, true);
  if (bits === 16) return (index) => view.getUint16(index * 2, true);
  // Two entries share three bytes: the even one takes the low 12 bits.
  return (index) => {
    const pair = view.getUint16((index * 3) >>> 1, true);
    return (index & 1) === 0 ? pair & 0xfff : pair >>> 4;
  };
}

/** The bytes that hold entries `first` (even) up to `end`, relative to the table. */
export function entryBytes(bits: EntryBits, first: number, end: number): [number, number] {
  return [(first * bits) / 8, Math.ceil((end * bits) / 8)];
}

/** Takes the four marks of FAT32 off a raw value. */
export function nextCluster(bits: EntryBits, raw: number): number {
  return bits === 32 ? raw & 0x0fffffff : raw;
}

/** All bits set: the end of a chain, and what the first two entries are made of. */
export function allOnes(bits: EntryBits): number {
  return bits === 32 ? 0x0fffffff : 2 ** bits - 1;
}

/** FF7, FFF7 or FFFFFF7: the medium is bad there. Higher values end a chain; Linux ends it here too. */
export function badMark(bits: EntryBits): number {
  return allOnes(bits) - 8;
}

/** Raw entry of one cluster, which must be below `table.endCluster`. */
export function readEntry(reader: ImageReader, table: FatTable, cluster: number): number {
  const first = cluster - (cluster & 1);
  const [from, to] = entryBytes(table.bits, first, cluster + 1);
  return entryReader(table.bits, reader.readAt(table.startByte + from, to - from))(cluster - first);
}
