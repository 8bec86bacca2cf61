/**
 * The boot sector of FAT12, FAT16 and FAT32 with its BIOS parameter block: where the tables, the root
 * directory and the clusters lie. It has no checksum; FAT32 keeps a copy that can be compared.
 * Ignored: hidden sectors and drive geometry (often wrong, and no position depends on them), and the
 * FSInfo sector, whose counts are hints.
 *
 * Sources: Microsoft, "FAT: General Overview of On-Disk Format" 1.03, "Boot Sector and BPB";
 * Linux `fs/fat/inode.c`, `fat_read_bpb` and `fat_fill_super`.
 */
import { layout, decode, byteRun, u16le, u32le, u8 } from '../../bytes/layout.ts';
import { CorruptError, UnsupportedError } from '../../errors/errors.ts';
import { hasSignature } from './boot-signature.ts';

export const BOOT_SECTOR_BYTES = 512;
const DIRECTORY_ENTRY_BYTES = 32;
const STRUCTURE = 'FAT boot sector';
/** Linux: `MAX_FAT16` and `MAX_FAT32`. Higher numbers are marks. */
const MAX_FAT16_CLUSTERS = 0xfff4;
const MAX_FAT32_CLUSTERS = 0x0ffffff6;

/** The part that all three types share. */
export const biosParameterLayout = layout(STRUCTURE, BOOT_SECTOR_BYTES, {
  BPB_BytsPerSec: u16le(0x0b),
  BPB_SecPerClus: u8(0x0d),
  BPB_RsvdSecCnt: u16le(0x0e),
  BPB_NumFATs: u8(0x10),
  BPB_RootEntCnt: u16le(0x11),
  BPB_TotSec16: u16le(0x13),
  BPB_Media: u8(0x15),
  BPB_FATSz16: u16le(0x16),
  BPB_TotSec32: u32le(0x20),
  signature: u16le(0x1fe),
});

/** What follows from byte 36 on in FAT12 and FAT16. */
export const fat16TailLayout = layout(STRUCTURE, BOOT_SECTOR_BYTES, {
  BS_Reserved1: u8(0x25), // bit 0: not unmounted
  BS_BootSig: u8(0x26),
  BS_VolID: u32le(0x27),
  BS_VolLab: byteRun(0x2b, 11),
});

/** What follows from byte 36 on in FAT32. */
export const fat32TailLayout = layout(STRUCTURE, BOOT_SECTOR_BYTES, {
  BPB_FATSz32: u32le(0x24),
  BPB_FSVer: u16le(0x2a),
  BPB_RootClus: u32le(0x2c),
  BPB_BkBootSec: u16le(0x32),
  BS_Reserved1: u8(0x41), // bit 0: not unmounted
  BS_BootSig: u8(0x42),
  BS_VolID: u32le(0x43),
  BS_VolLab: byteRun(0x47, 11),
});

/** A boot sector that was judged; all positions are relative to the volume. */
export interface BootSector {
  readonly isFat32: boolean;
  readonly sectorBytes: number;
  readonly clusterBytes: number;
  readonly media: number;
  readonly reservedBytes: number;
  readonly fatCount: number;
  /** One copy of the table, in whole sectors; may have room for more entries than there are clusters. */
  readonly fatBytes: number;
  /** Where the fixed root directory of FAT12 and FAT16 lies. */
  readonly rootStartByte: number;
  readonly dataStartByte: number;
  /** Only FAT32; its root directory is a chain of clusters. */
  readonly rootCluster: number | undefined;
  /** The copy of this sector that FAT32 keeps, if it names one. */
  readonly backupStartByte: number | undefined;
  /** Whole clusters in the data area. Their numbers start at 2. */
  readonly clusterCount: number;
  readonly lengthBytes: number;
  readonly isMarkedDirty: boolean;
  /** 55 AA at the end. Atari disks have none. */
  readonly hasSignature: boolean;
  readonly serial: string | undefined;
  readonly label: string | undefined;
}

/**
 * Judges the first 512 bytes of a volume.
 * @throws {CorruptError} with the quantity as kind, like `table-count`, if no FAT can have it.
 * @throws {UnsupportedError} for BitLocker To Go, for versions of FAT32 that do not exist yet, and
 *   for a root directory that ends inside of a sector.
 */
export function parseBootSector(bytes: Uint8Array): BootSector {
  const raw = decode(biosParameterLayout, bytes);
  check(isPowerOfTwo(raw.BPB_BytsPerSec, 512, 4096), 'bytes-per-sector', raw.BPB_BytsPerSec);
  check(isPowerOfTwo(raw.BPB_SecPerClus, 1, 128), 'sectors-per-cluster', raw.BPB_SecPerClus);
  check(raw.BPB_RsvdSecCnt > 0, 'reserved-sectors', raw.BPB_RsvdSecCnt);
  check(raw.BPB_NumFATs >= 1 && raw.BPB_NumFATs <= 4, 'table-count', raw.BPB_NumFATs);
  check(raw.BPB_Media === 0xf0 || raw.BPB_Media >= 0xf8, 'media-byte', raw.BPB_Media);

  // Linux goes by this field alone: small FAT32 volumes exist, whatever the count of clusters says.
  const isFat32 = raw.BPB_FATSz16 === 0;
  const tail32 = isFat32 ? decode(fat32TailLayout, bytes) : undefined;
  const tail = tail32 ?? decode(fat16TailLayout, bytes);
  const fatSectors = tail32?.BPB_FATSz32 ?? raw.BPB_FATSz16;
  check(fatSectors > 0, 'table-size', fatSectors);
  check(isFat32 || raw.BPB_RootEntCnt > 0, 'root-entries', raw.BPB_RootEntCnt);

  // At most 2^32 sectors of 4096 bytes: all sums below stay under 2^50.
  const sectorBytes = raw.BPB_BytsPerSec;
  const clusterBytes = sectorBytes * raw.BPB_SecPerClus;
  const totalSectors = raw.BPB_TotSec16 === 0 ? raw.BPB_TotSec32 : raw.BPB_TotSec16;
  const lengthBytes = totalSectors * sectorBytes;
  const reservedBytes = raw.BPB_RsvdSecCnt * sectorBytes;
  const fatBytes = fatSectors * sectorBytes;
  const rootStartByte = reservedBytes + raw.BPB_NumFATs * fatBytes;
  const rootBytes = raw.BPB_RootEntCnt * DIRECTORY_ENTRY_BYTES;
  if (rootBytes % sectorBytes !== 0) throw unevenRoot(raw.BPB_RootEntCnt, sectorBytes);
  const dataStartByte = rootStartByte + rootBytes;
  const clusterCount = Math.floor((lengthBytes - dataStartByte) / clusterBytes);
  check(clusterCount >= 1, 'total-sectors', totalSectors);
  if (tail32 === undefined) {
    // As Linux does, clusters without room for an entry of 16 bits are not counted.
    check(
      Math.min(clusterCount, fatBytes / 2 - 2) <= MAX_FAT16_CLUSTERS,
      'cluster-count',
      clusterCount,
    );
  } else {
    checkFat32(bytes, tail32, clusterCount);
  }

  return {
    isFat32,
    sectorBytes,
    clusterBytes,
    media: raw.BPB_Media,
    reservedBytes,
    fatCount: raw.BPB_NumFATs,
    fatBytes,
    rootStartByte,
    dataStartByte,
    rootCluster: tail32?.BPB_RootClus,
    backupStartByte: backupPosition(tail32?.BPB_BkBootSec, sectorBytes, reservedBytes),
    clusterCount,
    lengthBytes,
    isMarkedDirty: (tail.BS_Reserved1 & 1) !== 0,
    hasSignature: hasSignature(bytes),
    // 28: only the serial number follows; 29: the label as well.
    serial:
      tail.BS_BootSig === 0x28 || tail.BS_BootSig === 0x29 ? serial(tail.BS_VolID) : undefined,
    label: tail.BS_BootSig === 0x29 ? label(tail.BS_VolLab) : undefined,
  };
}

/** The layout as text: two boot sectors with the same text put everything into the same places. */
export function geometryOf(boot: BootSector): string {
  const { sectorBytes, clusterBytes, reservedBytes, fatCount, fatBytes, dataStartByte } = boot;
  const root = boot.rootCluster === undefined ? '' : `, root at cluster ${boot.rootCluster}`;
  return `${boot.lengthBytes} bytes in sectors of ${sectorBytes} and clusters of ${clusterBytes}, ${fatCount} tables of ${fatBytes} from byte ${reservedBytes}, data from byte ${dataStartByte}${root}`;
}

function checkFat32(
  bytes: Uint8Array,
  tail: { BPB_FSVer: number; BPB_RootClus: number },
  clusterCount: number,
): void {
  check(clusterCount <= MAX_FAT32_CLUSTERS, 'cluster-count', clusterCount);
  const isRootInside = tail.BPB_RootClus >= 2 && tail.BPB_RootClus < clusterCount + 2;
  check(isRootInside, 'root-cluster', tail.BPB_RootClus);
  if (tail.BPB_FSVer !== 0) {
    throw new UnsupportedError(
      'fat32-version',
      { structure: STRUCTURE, startByte: 0x2a },
      `version ${tail.BPB_FSVer >>> 8}.${tail.BPB_FSVer & 0xff} of FAT32 is not known, only 0.0`,
    );
  }
  // BitLocker To Go shows a small FAT32 with a reader program and hides the real data behind it.
  const bitLockerGuid = '3bd66749292ed84a8399f6a339e3d001';
  if (Buffer.from(bytes.subarray(0x1a8, 0x1b8)).toString('hex') === bitLockerGuid) {
    throw new UnsupportedError(
      'bitlocker-to-go',
      { structure: STRUCTURE, startByte: 0x1a8 },
      'the volume is encrypted by BitLocker To Go',
    );
  }
}

function check(isGood: boolean, kind: string, found: number): void {
  if (isGood) return;
  throw new CorruptError(
    kind,
    { structure: STRUCTURE, startByte: 0 },
    `${kind.replaceAll('-', ' ')} of ${found}, which no FAT can have`,
  );
}

/** Linux does not mount such, and mtools and dosfstools put the first cluster into different places. */
function unevenRoot(entries: number, sectorBytes: number): UnsupportedError {
  return new UnsupportedError(
    'uneven-root',
    { structure: STRUCTURE, startByte: 0x11 },
    `a root directory of ${entries} entries does not fill whole sectors of ${sectorBytes} bytes, and where the clusters start behind it is not agreed upon`,
  );
}

function isPowerOfTwo(value: number, least: number, most: number): boolean {
  return value >= least && value <= most && (value & (value - 1)) === 0;
}

/** 0 and FFFF mean that there is no copy; one outside the reserved sectors would lie in a table. */
function backupPosition(
  sector: number | undefined,
  sectorBytes: number,
  reservedBytes: number,
): number | undefined {
  if (sector === undefined || sector === 0) return undefined;
  const startByte = sector * sectorBytes;
  return startByte + BOOT_SECTOR_BYTES <= reservedBytes ? startByte : undefined;
}

function serial(volumeId: number): string {
  const hex = volumeId.toString(16).toUpperCase().padStart(8, '0');
  return `${hex.slice(0, 4)}-${hex.slice(4)}`;
}

function label(bytes: Uint8Array): string | undefined {
  // In the code page of the system that formatted the volume, which is not recorded.
  const text = Buffer.from(bytes).toString('latin1').split('\0', 1)[0]!.trimEnd();
  return text === '' || text === 'NO NAME' ? undefined : text;
}
