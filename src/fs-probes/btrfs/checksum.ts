/**
 * The four checksums that btrfs puts in front of its superblocks and tree nodes: 32 bytes of room, the
 * digest first, covering everything behind them. Source: Linux fs/btrfs/fs.c (`btrfs_csums`).
 *
 * Node's OpenSSL has neither xxHash nor BLAKE2b with 32 bytes; hash-wasm has both. Loading it takes as
 * long as a small scan, so that is left to the first filesystem that needs it.
 */
import { createHash } from 'node:crypto';

import type { IHasher } from 'hash-wasm';

import { crc32c } from '../../bytes/crc32c.ts';
import { NotLoadedError } from '../load-on-demand.ts';

/** The room a checksum has, whatever its own length. */
export const CHECKSUM_BYTES = 32;

export interface ChecksumType {
  /** As `mkfs.btrfs --csum` spells it. */
  readonly name: string;
  /** @throws {NotLoadedError} */
  digest(bytes: Uint8Array): Uint8Array;
}

const digestXxhash64 = wasmDigest('xxHash', async () =>
  (await import('hash-wasm')).createXXHash64(),
);
const digestBlake2b256 = wasmDigest('BLAKE2b', async () =>
  (await import('hash-wasm')).createBLAKE2b(256),
);

/** Indexed by `csum_type` of the superblock. */
export const checksumTypes: readonly ChecksumType[] = [
  { name: 'crc32c', digest: digestCrc32c },
  // Printed big-endian by everyone, stored little-endian by btrfs.
  { name: 'xxhash', digest: (bytes) => digestXxhash64(bytes).toReversed() },
  { name: 'sha256', digest: (bytes) => createHash('sha256').update(bytes).digest() },
  { name: 'blake2', digest: digestBlake2b256 },
];

/** True if the digest at the start of `block` is that of the rest. @throws {NotLoadedError} */
export function hasValidChecksum(type: ChecksumType, block: Uint8Array): boolean {
  const digest = type.digest(block.subarray(CHECKSUM_BYTES));
  return digest.every((byte, index) => byte === block[index]);
}

/** hash-wasm's hashers are made asynchronously, and work synchronously. */
function wasmDigest(
  name: string,
  create: () => Promise<IHasher>,
): (bytes: Uint8Array) => Uint8Array {
  let hasher: IHasher | undefined;
  return (bytes) => {
    if (hasher === undefined) {
      throw new NotLoadedError(name, async () => {
        hasher = await create();
      });
    }
    return hasher.init().update(bytes).digest('binary');
  };
}

function digestCrc32c(bytes: Uint8Array): Uint8Array {
  const digest = new Uint8Array(4);
  new DataView(digest.buffer).setUint32(0, ~crc32c(0xffffffff, bytes) >>> 0, true);
  return digest;
}
