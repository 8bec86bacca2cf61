/**
 * Partition tables that are known by sight and not read: on a whole disk, and inside a partition. What
 * they divide is mapped whole.
 *
 * Source: Linux `block/partitions/` (`aix.c`, `amiga.c`, `ibm.c`, `ldm.c`, `mac.c`, `msdos.c`, `osf.c`,
 * `sgi.c`, `sun.c`, `sysv68.c`); Microsoft, "Basic and dynamic disks".
 */
import { bytesEqual, hexBytes } from '../bytes/text.ts';
import type { ImageReader } from '../image/image-reader.ts';
import { BOOT_RECORD_BYTES, parseBootRecord, usedEntries } from './boot-record.ts';
import type { Partition } from './partition-table.ts';

interface Mark {
  readonly table: string;
  readonly startByte: number;
  readonly bytes: Uint8Array;
}

const BSD_MAGIC = hexBytes('57455682'); // 0x82564557, little-endian
const SOLARIS_MAGIC = hexBytes('eede0d60'); // 0x600ddeee, little-endian
const UNIXWARE_MAGIC = hexBytes('0d605eca'); // 0xca5e600d, little-endian
/** "VOL1", "LNX1", "CMS1" in EBCDIC. */
const DASD_MAGICS: readonly string[] = ['e5d6d3f1', 'd3d5e7f1', 'c3d4e2f1'];
/** The second or third block, of 512 to 4096 bytes. */
const DASD_START_BYTES: readonly number[] = [512, 1024, 2048, 4096, 8192];
/** The Amiga's table may lie in any of the first 16 sectors. */
const AMIGA_SECTORS = 16;

const DISK_MARKS: readonly Mark[] = [
  { table: 'SGI', startByte: 0, bytes: hexBytes('0be5a941') },
  { table: 'AIX', startByte: 0, bytes: hexBytes('c9c2d4c1') },
  { table: 'Sun', startByte: 508, bytes: hexBytes('dabe') },
  { table: 'Motorola System V', startByte: 0xf8, bytes: Buffer.from('MOTOROLA') },
  { table: 'BSD', startByte: 64, bytes: BSD_MAGIC },
  { table: 'BSD', startByte: 512, bytes: BSD_MAGIC },
  { table: 'Windows dynamic disk (LDM)', startByte: 6 * 512, bytes: Buffer.from('PRIVHEAD') },
  ...[512, 1024, 2048, 4096].map((startByte) => ({
    table: 'Apple',
    startByte,
    bytes: hexBytes('504d0000'), // "PM" and a zero field
  })),
  ...DASD_START_BYTES.flatMap((startByte) =>
    DASD_MAGICS.map((magic) => ({ table: 'DASD', startByte, bytes: hexBytes(magic) })),
  ),
  ...Array.from({ length: AMIGA_SECTORS }, (_, sector) => ({
    table: 'Amiga',
    startByte: sector * 512,
    bytes: Buffer.from('RDSK'),
  })),
];

const PARTITION_MARKS: readonly Mark[] = [
  { table: 'BSD', startByte: 512, bytes: BSD_MAGIC },
  { table: 'Solaris', startByte: 512 + 12, bytes: SOLARIS_MAGIC },
  { table: 'UnixWare', startByte: 29 * 512 + 4, bytes: UNIXWARE_MAGIC },
];

const MINIX_TYPE = '0x81';
/** Windows volumes that span and mirror; the partitions of the table are only raw material. */
const WINDOWS_POOL_TYPES: ReadonlyMap<string, string> = new Map([
  ['0x42', 'Windows dynamic disk (LDM)'],
  ['5808C8AA-7E8F-42E0-85D2-E1E90434CFB3', 'Windows dynamic disk (LDM)'],
  ['AF9B60A0-1431-4F62-BC68-3311714A69AD', 'Windows dynamic disk (LDM)'],
  ['E75CAF8F-F680-4CEE-AFA3-B001E56EFC2D', 'Windows storage spaces'],
]);

/** The name of a table that divides the whole disk, if one is there. @throws {SystemError} */
export function findForeignTable(reader: ImageReader): string | undefined {
  return DISK_MARKS.find((mark) => hasMark(reader, 0, reader.sizeBytes, mark))?.table;
}

/** The name of a table inside a partition, if one is there. @throws {SystemError} */
export function findNestedTable(reader: ImageReader, partition: Partition): string | undefined {
  const pool = WINDOWS_POOL_TYPES.get(partition.type);
  if (pool !== undefined) return pool;
  const { startByte } = partition;
  const endByte = Math.min(partition.endByte, reader.sizeBytes);
  const mark = PARTITION_MARKS.find((one) => hasMark(reader, startByte, endByte, one));
  if (mark !== undefined) return mark.table;
  if (partition.type !== MINIX_TYPE || startByte + BOOT_RECORD_BYTES > endByte) return undefined;
  // Minix divides its partition with an MBR of its own.
  const record = parseBootRecord(reader.readAt(startByte, BOOT_RECORD_BYTES));
  return record !== undefined && usedEntries(record).length > 0 ? 'Minix' : undefined;
}

function hasMark(reader: ImageReader, baseByte: number, endByte: number, mark: Mark): boolean {
  const startByte = baseByte + mark.startByte;
  if (startByte + mark.bytes.length > endByte) return false;
  return bytesEqual(reader.readAt(startByte, mark.bytes.length), mark.bytes);
}
