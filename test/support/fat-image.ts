/** FAT volumes in memory, made field by field: what no formatter makes, and every single mistake. */
import { encodeInto } from '../../src/bytes/layout.ts';
import { CorruptError } from '../../src/errors/errors.ts';
import type { Finding } from '../../src/errors/finding.ts';
import {
  biosParameterLayout,
  fat16TailLayout,
  fat32TailLayout,
} from '../../src/fs-probes/fat/boot-sector.ts';
import { fatProbe } from '../../src/fs-probes/fat/fat-probe.ts';
import type { ExtentKind, FsFacts, Volume } from '../../src/fs-probes/fs-probe.ts';
import { MemoryReader } from '../../src/image/memory-reader.ts';
import { RangeSet, RangeSetBuilder } from '../../src/ranges/range-set.ts';

export interface FatShape {
  readonly bits: 12 | 16 | 32;
  readonly clusterCount: number;
  readonly sectorBytes?: number;
  readonly sectorsPerCluster?: number;
  readonly reservedSectors?: number;
  readonly fatCount?: number;
  /** Default: as many as the clusters need. */
  readonly fatSectors?: number;
  readonly rootEntries?: number;
  /** Sectors behind the last whole cluster. */
  readonly tailSectors?: number;
}

/** A volume and the places in it. */
export interface FatImage {
  readonly bytes: Uint8Array;
  readonly bits: 12 | 16 | 32;
  readonly sectorBytes: number;
  readonly clusterBytes: number;
  readonly fatStartByte: number;
  readonly fatBytes: number;
  readonly fatCount: number;
  readonly rootStartByte: number;
  readonly dataStartByte: number;
}

/** An empty volume as a formatter leaves it: media and end marks, FAT32 with its root in cluster 2. */
export function makeFatImage(shape: FatShape): FatImage {
  const { bits, clusterCount } = shape;
  const sectorBytes = shape.sectorBytes ?? 512;
  const sectorsPerCluster = shape.sectorsPerCluster ?? 1;
  const reservedSectors = shape.reservedSectors ?? (bits === 32 ? 32 : 1);
  const fatCount = shape.fatCount ?? 2;
  const rootEntries = bits === 32 ? 0 : (shape.rootEntries ?? 512);
  const tableBytes = Math.ceil(((clusterCount + 2) * bits) / 8);
  const fatSectors = shape.fatSectors ?? Math.ceil(tableBytes / sectorBytes);
  const rootSectors = Math.ceil((rootEntries * 32) / sectorBytes);
  const dataSector = reservedSectors + fatCount * fatSectors + rootSectors;
  const totalSectors = dataSector + clusterCount * sectorsPerCluster + (shape.tailSectors ?? 0);
  const bytes = new Uint8Array(totalSectors * sectorBytes);
  encodeInto(biosParameterLayout, bytes, {
    BPB_BytsPerSec: sectorBytes,
    BPB_SecPerClus: sectorsPerCluster,
    BPB_RsvdSecCnt: reservedSectors,
    BPB_NumFATs: fatCount,
    BPB_RootEntCnt: rootEntries,
    BPB_TotSec16: totalSectors < 0x1_0000 && bits !== 32 ? totalSectors : 0,
    BPB_Media: 0xf8,
    BPB_FATSz16: bits === 32 ? 0 : fatSectors,
    BPB_TotSec32: totalSectors,
    signature: 0xaa55,
  });
  const label = new TextEncoder().encode('TEST VOLUME');
  const names = { BS_BootSig: 0x29, BS_VolID: 0x1234abcd, BS_VolLab: label };
  if (bits === 32) {
    encodeInto(fat32TailLayout, bytes, {
      ...names,
      BPB_FATSz32: fatSectors,
      BPB_RootClus: 2,
      BPB_BkBootSec: 6,
    });
    bytes.set(bytes.subarray(0, 512), 6 * sectorBytes);
  } else {
    encodeInto(fat16TailLayout, bytes, names);
  }
  const image = {
    bytes,
    bits,
    sectorBytes,
    clusterBytes: sectorBytes * sectorsPerCluster,
    fatStartByte: reservedSectors * sectorBytes,
    fatBytes: fatSectors * sectorBytes,
    fatCount,
    rootStartByte: (dataSector - rootSectors) * sectorBytes,
    dataStartByte: dataSector * sectorBytes,
  };
  const ones = bits === 32 ? 0x0fffffff : 2 ** bits - 1;
  setEntries(image, { 0: ones - 7, 1: ones });
  if (bits === 32) setEntries(image, { 2: ones });
  return image;
}

/** Writes table entries, into all copies unless one is named. */
export function setEntries(
  image: FatImage,
  entries: Readonly<Record<number, number>>,
  copy?: number,
): void {
  const view = new DataView(image.bytes.buffer);
  for (let index = 0; index < image.fatCount; index++) {
    if (copy !== undefined && copy !== index) continue;
    const startByte = image.fatStartByte + index * image.fatBytes;
    for (const [key, value] of Object.entries(entries)) {
      const cluster = Number(key);
      if (image.bits === 32) view.setUint32(startByte + cluster * 4, value, true);
      else if (image.bits === 16) view.setUint16(startByte + cluster * 2, value, true);
      else setPackedEntry(view, startByte, cluster, value);
    }
  }
}

/** Two entries share three bytes, so the neighbour's half must stay. */
function setPackedEntry(view: DataView, startByte: number, cluster: number, value: number): void {
  const at = startByte + Math.floor((cluster * 3) / 2);
  const pair = view.getUint16(at, true);
  const changed = cluster % 2 === 0 ? (pair & 0xf000) | value : (pair & 0x000f) | (value << 4);
  view.setUint16(at, changed, true);
}

export interface DirectoryEntry {
  /** 11 characters. */
  readonly name: string;
  readonly attributes: number;
  readonly firstCluster: number;
  readonly sizeBytes?: number;
}

/** Writes entry number `index` of the directory that starts at `startByte`. */
export function setDirectoryEntry(
  image: FatImage,
  startByte: number,
  index: number,
  { name, attributes, firstCluster, sizeBytes = 0 }: DirectoryEntry,
): void {
  const at = startByte + index * 32;
  image.bytes.set(new TextEncoder().encode(name), at);
  const view = new DataView(image.bytes.buffer, at, 32);
  view.setUint8(11, attributes);
  view.setUint16(20, firstCluster >>> 16, true);
  view.setUint16(26, firstCluster & 0xffff, true);
  view.setUint32(28, sizeBytes, true);
}

/** Gives the cluster the entries that every subdirectory starts with. */
export function makeSubdirectory(image: FatImage, cluster: number): void {
  const startByte = clusterByte(image, cluster);
  const itself = { name: '.          ', attributes: 0x10, firstCluster: cluster };
  setDirectoryEntry(image, startByte, 0, itself);
  setDirectoryEntry(image, startByte, 1, { ...itself, name: '..         ', firstCluster: 0 });
}

export function clusterByte(image: FatImage, cluster: number): number {
  return image.dataStartByte + (cluster - 2) * image.clusterBytes;
}

export function memoryVolume(bytes: Uint8Array): Volume {
  return { index: 0, name: 'image', startByte: 0, reader: new MemoryReader(bytes) };
}

export interface FatScan {
  readonly facts: FsFacts;
  readonly used: RangeSet;
  readonly kinds: ReadonlyMap<ExtentKind, RangeSet>;
  readonly findings: readonly Finding[];
}

/** Runs the probe as the driver does. @throws {Error} if the volume is not taken for FAT. */
export function scanFat(volume: Volume): FatScan {
  const claim = fatProbe.identify(volume);
  if (claim === undefined) throw new Error('not taken for FAT');
  const builders = new Map<ExtentKind, RangeSetBuilder>();
  const findings: Finding[] = [];
  const sink = {
    use(where: Volume, kind: ExtentKind, startByte: number, endByte: number): void {
      if (endByte > where.reader.sizeBytes) throw new RangeError(`${kind} ends at ${endByte}`);
      const builder = builders.get(kind) ?? new RangeSetBuilder();
      builders.set(kind, builder);
      builder.add(startByte, endByte);
    },
    report: (finding: Finding): void => void findings.push(finding),
  };
  const facts = fatProbe.scan([claim], [volume], sink, { lean: false });
  const kinds = new Map([...builders].map(([kind, builder]) => [kind, builder.build()]));
  const used = [...kinds.values()].reduce((all, set) => all.union(set), RangeSet.empty);
  return { facts, used, kinds, findings };
}

/** The used clusters of the data area, in ascending order. Not told from one another by kind. */
export function usedClusters(image: FatImage, used: RangeSet): readonly number[] {
  const clusters: number[] = [];
  const last = (image.bytes.length - image.dataStartByte) / image.clusterBytes + 1;
  for (let cluster = 2; cluster <= last; cluster++) {
    const startByte = clusterByte(image, cluster);
    if (used.intersects(startByte, startByte + image.clusterBytes)) clusters.push(cluster);
  }
  return clusters;
}

export function scanBytes(image: FatImage): FatScan {
  return scanFat(memoryVolume(image.bytes));
}

/** The used clusters of a volume in memory. */
export function clustersOf(image: FatImage): readonly number[] {
  return usedClusters(image, scanBytes(image).used);
}

/** The kind of the `CorruptError` that scanning ends with, or `none`. */
export function corruptKind(image: FatImage): string {
  try {
    scanBytes(image);
  } catch (error) {
    if (error instanceof CorruptError) return error.kind;
    throw error;
  }
  return 'none';
}
