/**
 * Linux software RAID. Formats 0.90 and 1.0 keep their superblock at the end of the member, so that
 * the start looks like a plain filesystem: without this check that filesystem would be taken for the
 * only user of the volume. Source: Linux `drivers/md/md.c`, `super_90_load` and `super_1_load`;
 * `include/uapi/linux/raid/md_p.h`, `struct mdp_superblock_1`.
 */
import { bytesEqual, hexBytes } from '../../bytes/text.ts';
import type { ImageReader } from '../../image/image-reader.ts';

const MAGIC = hexBytes('fc4e2ba9');
const RESERVED_90_BYTES = 64 * 1024;
const SUPER_OFFSET_AT = 144;

export function isRaidMember(reader: ImageReader): boolean {
  const { sizeBytes } = reader;
  const version1Places = [
    4096, // 1.2
    0, // 1.1
    Math.floor((sizeBytes - 8192) / 4096) * 4096, // 1.0: 8 KiB before the end, on a 4 KiB boundary
  ];
  // 0.90: the last whole 64 KiB block.
  const version0Place = Math.floor(sizeBytes / RESERVED_90_BYTES - 1) * RESERVED_90_BYTES;
  return (
    version1Places.some((startByte) => isVersion1(reader, startByte)) ||
    hasMagicAt(reader, version0Place)
  );
}

/**
 * The superblock knows its own place. A disk whose last partition is a member has the same bytes at
 * its end as the partition, but there the place is counted from another start.
 */
function isVersion1(reader: ImageReader, startByte: number): boolean {
  if (!hasMagicAt(reader, startByte)) return false;
  if (startByte + SUPER_OFFSET_AT + 8 > reader.sizeBytes) return false;
  const bytes = reader.readAt(startByte + SUPER_OFFSET_AT, 8);
  const superOffset = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  return superOffset * 512n === BigInt(startByte);
}

function hasMagicAt(reader: ImageReader, startByte: number): boolean {
  if (startByte < 0 || startByte + MAGIC.length > reader.sizeBytes) return false;
  return bytesEqual(reader.readAt(startByte, MAGIC.length), MAGIC);
}
