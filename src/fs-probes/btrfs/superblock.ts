/**
 * The btrfs superblock: 4,096 bytes at 64 KiB of every device, with copies at 64 MiB and 256 GiB.
 * Linux mounts by the first alone, so nothing else is believed here; the copies are only compared.
 * Not read: `super_roots` (backup roots point to trees whose blocks may be in use again), cache and
 * uuid tree generations, quota and balance settings. Source: Linux include/uapi/linux/btrfs_tree.h,
 * `struct btrfs_super_block`, and fs/btrfs/disk-io.c, `btrfs_validate_super`.
 */
import { formatUuid } from '../../bytes/guid.ts';
import { byteRun, decode, layout, u16le, u32le, u64le, u8 } from '../../bytes/layout.ts';
import { toSafeNumber } from '../../bytes/safe-number.ts';
import { hasAscii, readText } from '../../bytes/text.ts';
import { CorruptError, UnsupportedError, type Place } from '../../errors/errors.ts';
import type { ImageReader } from '../../image/image-reader.ts';
import { checksumTypes, hasValidChecksum, type ChecksumType } from './checksum.ts';
import { hasMetadataUuid, refuseUnknownFeatures, type FeatureBits } from './features.ts';
import type { TreeRoot } from './tree-node.ts';

export const SUPERBLOCK_BYTES = 4096;
/** The place of the superblock, then of its copies. */
export const SUPERBLOCK_STARTS: readonly number[] = [0x1_0000, 0x400_0000, 0x40_0000_0000];
const MAGIC = '_BHRfS_M';
const MAGIC_START = 0x40;
/** A path from root to leaf has at most 8 nodes (`BTRFS_MAX_LEVEL`), counted from 0 at the leaf. */
export const MAX_LEVEL = 7;
const SYSTEM_CHUNK_ARRAY_BYTES = 2048;

export const superblockLayout = layout('btrfs superblock', SUPERBLOCK_BYTES, {
  csum: byteRun(0x00, 32),
  fsid: byteRun(0x20, 16),
  bytenr: u64le(0x30),
  flags: u64le(0x38),
  magic: u64le(MAGIC_START),
  generation: u64le(0x48),
  root: u64le(0x50),
  chunk_root: u64le(0x58),
  log_root: u64le(0x60),
  bytes_used: u64le(0x78),
  sectorsize: u32le(0x90),
  nodesize: u32le(0x94),
  sys_chunk_array_size: u32le(0xa0),
  chunk_root_generation: u64le(0xa4),
  compat_flags: u64le(0xac),
  compat_ro_flags: u64le(0xb4),
  incompat_flags: u64le(0xbc),
  csum_type: u16le(0xc4),
  root_level: u8(0xc6),
  chunk_root_level: u8(0xc7),
  log_root_level: u8(0xc8),
  dev_item_devid: u64le(0xc9),
  dev_item_total_bytes: u64le(0xd1),
  dev_item_uuid: byteRun(0xc9 + 66, 16),
  label: byteRun(0x12b, 256),
  metadata_uuid: byteRun(0x23b, 16),
  sys_chunk_array: byteRun(0x32b, SYSTEM_CHUNK_ARRAY_BYTES),
});

export interface Superblock {
  /** What users and `btrfs filesystem show` call the filesystem's UUID. */
  readonly fsid: string;
  /** What the tree nodes carry: the same, unless `btrfstune -m` changed the first. */
  readonly metadataUuid: Uint8Array;
  readonly label: string;
  readonly flags: bigint;
  readonly generation: number;
  readonly sectorSize: number;
  readonly nodeSize: number;
  readonly checksum: ChecksumType;
  readonly features: FeatureBits;
  readonly rootTree: TreeRoot;
  readonly chunkTree: TreeRoot;
  /** Present if an fsync left something that the next mount must replay. */
  readonly logRootTree: TreeRoot | undefined;
  /** Sum of all extents, in logical bytes: copies count once. */
  readonly usedBytes: number;
  /** The device this superblock lies on. */
  readonly devid: number;
  readonly deviceUuid: string;
  readonly deviceBytes: number;
  /** Chunk items of the system chunks, each behind its key: the way to the chunk tree. */
  readonly systemChunkArray: Uint8Array;
}

/** True if bytes 64 KiB and on carry the magic: a superblock, sound or not. */
export function hasSuperblockMagic(reader: ImageReader): boolean {
  const startByte = SUPERBLOCK_STARTS[0]!;
  if (reader.sizeBytes < startByte + SUPERBLOCK_BYTES) return false;
  return hasAscii(reader.readAt(startByte, SUPERBLOCK_BYTES), MAGIC_START, MAGIC);
}

/** Reads the superblock that counts. @throws {CorruptError | UnsupportedError} as `parseSuperblock`. */
export function readSuperblock(reader: ImageReader): Superblock {
  const startByte = SUPERBLOCK_STARTS[0]!;
  return parseSuperblock(reader.readAt(startByte, SUPERBLOCK_BYTES), startByte);
}

/**
 * Parses a superblock that was read at `startByte` of its device.
 * @throws {CorruptError} for a wrong checksum, address or size.
 * @throws {UnsupportedError} for a checksum type, flag or feature that is not known.
 */
export function parseSuperblock(bytes: Uint8Array, startByte: number): Superblock {
  const place: Place = { structure: superblockLayout.name, startByte };
  const raw = decode(superblockLayout, bytes);
  const corrupt = (kind: string, message: string) => new CorruptError(kind, place, message);
  if (!hasAscii(bytes, MAGIC_START, MAGIC)) throw corrupt('superblock-magic', 'has no magic');
  const checksum = checksumTypes[raw.csum_type];
  if (checksum === undefined) {
    throw new UnsupportedError('checksum-type', place, `checksum type ${raw.csum_type} is unknown`);
  }
  if (!hasValidChecksum(checksum, bytes)) {
    throw corrupt('superblock-checksum', `the ${checksum.name} checksum does not match`);
  }
  const features: FeatureBits = {
    compat: raw.compat_flags,
    compatRo: raw.compat_ro_flags,
    incompat: raw.incompat_flags,
  };
  refuseUnknownFeatures(features, raw.flags, place);
  if (raw.bytenr !== BigInt(startByte)) {
    throw corrupt('superblock-address', `says that it lies at byte ${raw.bytenr}`);
  }
  if (!isPowerOfTwo(raw.sectorsize, 4096, 65536)) {
    throw corrupt('sector-size', `sector size ${raw.sectorsize} is not 4 KiB to 64 KiB`);
  }
  if (!isPowerOfTwo(raw.nodesize, raw.sectorsize, 65536)) {
    throw corrupt(
      'node-size',
      `node size ${raw.nodesize} does not fit sectors of ${raw.sectorsize}`,
    );
  }
  if (Math.max(raw.root_level, raw.chunk_root_level, raw.log_root_level) > MAX_LEVEL) {
    throw corrupt('tree-level', `a tree is said to be higher than ${MAX_LEVEL + 1} nodes`);
  }
  if (raw.sys_chunk_array_size > SYSTEM_CHUNK_ARRAY_BYTES) {
    throw corrupt('system-chunk-array', `${raw.sys_chunk_array_size} bytes do not fit 2048`);
  }
  const number = (value: bigint, name: string) => toSafeNumber(value, name, place);
  const generation = number(raw.generation, 'generation');
  const root = (logical: bigint, level: number, rootGeneration: number): TreeRoot => ({
    logicalByte: number(logical, 'a root address'),
    level,
    generation: rootGeneration,
  });
  return {
    fsid: formatUuid(raw.fsid),
    metadataUuid: hasMetadataUuid(features) ? raw.metadata_uuid : raw.fsid,
    label: readText(raw.label),
    flags: raw.flags,
    generation,
    sectorSize: raw.sectorsize,
    nodeSize: raw.nodesize,
    checksum,
    features,
    rootTree: root(raw.root, raw.root_level, generation),
    chunkTree: root(
      raw.chunk_root,
      raw.chunk_root_level,
      number(raw.chunk_root_generation, 'chunk_root_generation'),
    ),
    // The log belongs to the transaction that was running: one behind the last that was committed.
    logRootTree:
      raw.log_root === 0n ? undefined : root(raw.log_root, raw.log_root_level, generation + 1),
    usedBytes: number(raw.bytes_used, 'bytes_used'),
    devid: number(raw.dev_item_devid, 'devid'),
    deviceUuid: formatUuid(raw.dev_item_uuid),
    deviceBytes: number(raw.dev_item_total_bytes, 'dev_item.total_bytes'),
    systemChunkArray: raw.sys_chunk_array.subarray(0, raw.sys_chunk_array_size),
  };
}

function isPowerOfTwo(value: number, least: number, most: number): boolean {
  return value >= least && value <= most && (value & (value - 1)) === 0;
}
