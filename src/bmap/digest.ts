/**
 * The digests a map may use. Maps name them as Python's `hashlib` does, because the first writer of
 * maps asked that library; Node names some of them differently.
 */
import { createHash } from 'node:crypto';

const NODE_NAMES = new Map([
  ['blake2b', 'blake2b512'],
  ['blake2s', 'blake2s256'],
  ['sha3_224', 'sha3-224'],
  ['sha3_256', 'sha3-256'],
  ['sha3_384', 'sha3-384'],
  ['sha3_512', 'sha3-512'],
]);

/** The name by which `createHash` knows the digest of a ChecksumType, or undefined if it does not. */
export function findDigest(checksumType: string): string | undefined {
  const name = NODE_NAMES.get(checksumType) ?? checksumType;
  try {
    createHash(name);
    return name;
  } catch {
    // Node tells an unknown digest only by failing.
    return undefined;
  }
}

/** The length of a digest in bytes, by its name in Node. */
export function digestLengthBytes(nodeName: string): number {
  return createHash(nodeName).digest().length;
}
