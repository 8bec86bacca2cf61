/**
 * The four checksums that btrfs puts in front of its superblocks and tree nodes: 32 bytes of room, the
 * digest first, covering everything behind them. Source: Linux fs/btrfs/fs.c (`btrfs_csums`).
 *
 * Node's OpenSSL has neither xxHash nor BLAKE2b with 32 bytes; hash-wasm has both. Its hashers are made
 * asynchronously and work synchronously, so they are made once, when the module is loaded.
 */
import { createHash } from 'node:crypto';

import { createBLAKE2b, createXXHash64 } from 'hash-wasm';

import { crc32c } from '../../bytes/crc32c.ts';

/** The room a checksum has, whatever its own length. */
export const CHECKSUM_BYTES = 32;

export interface ChecksumType {
  /** As `mkfs.btrfs --csum` spells it. */
  readonly name: string;
  digest(bytes: Uint8Array): Uint8Array;
}

const [xxhash64, blake2b256] = await Promise.all([createXXHash64(), createBLAKE2b(256)]);

/** Indexed by `csum_type` of the superblock. */
export const checksumTypes: readonly ChecksumType[] = [
  { name: 'crc32c', digest: digestCrc32c },
  // Printed big-endian by everyone, stored little-endian by btrfs.
  {
    name: 'xxhash',
    digest: (bytes) => xxhash64.init().update(bytes).digest('binary').toReversed(),
  },
  { name: 'sha256', digest: (bytes) => createHash('sha256').update(bytes).digest() },
  { name: 'blake2', digest: (bytes) => blake2b256.init().update(bytes).digest('binary') },
];

/** True if the digest at the start of `block` is that of the rest of it. */
export function hasValidChecksum(type: ChecksumType, block: Uint8Array): boolean {
  const digest = type.digest(block.subarray(CHECKSUM_BYTES));
  return digest.every((byte, index) => byte === block[index]);
}

function digestCrc32c(bytes: Uint8Array): Uint8Array {
  const digest = new Uint8Array(4);
  new DataView(digest.buffer).setUint32(0, ~crc32c(0xffffffff, bytes) >>> 0, true);
  return digest;
}
