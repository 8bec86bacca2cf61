import { describe, expect, it } from 'vitest';

import { loadOnDemand, NotLoadedError } from '../load-on-demand.ts';
import { checksumTypes, hasValidChecksum } from './checksum.ts';

const text = new TextEncoder().encode('123456789');

describe('checksums', () => {
  it.each(['xxhash', 'blake2'])('%s calls nothing right or wrong before it is loaded', (name) => {
    const type = checksumTypes.find((one) => one.name === name)!;
    expect(() => type.digest(text)).toThrow(NotLoadedError);
    expect(() => hasValidChecksum(type, new Uint8Array(4096))).toThrow(NotLoadedError);
  });

  // Check values of the algorithms for "123456789": RFC 3720 appendix B.4 and the catalogues of the rest.
  it.each([
    ['crc32c', '839206e3'],
    ['xxhash', '83aee640db41b88c'],
    ['sha256', '15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225'],
    ['blake2', '16e0bf1f85594a11e75030981c0b670370b3ad83a43f49ae58a2fd6f6513cde9'],
  ])('%s is stored as btrfs stores it', async (name, hex) => {
    const type = checksumTypes.find((one) => one.name === name)!;
    const digest = await loadOnDemand(() => type.digest(text));
    expect(Buffer.from(digest).toString('hex')).toBe(hex);
  });

  it.each(checksumTypes.map((type) => [type.name, type] as const))(
    '%s covers every byte behind it',
    async (_name, type) => {
      const block = new Uint8Array(4096).fill(7);
      block.set(await loadOnDemand(() => type.digest(block.subarray(32))));
      expect(hasValidChecksum(type, block)).toBe(true);
      const unnoticed: number[] = [];
      for (const at of [0, 3, 32, 33, 2000, 4095]) {
        block[at]! ^= 1;
        if (hasValidChecksum(type, block)) unnoticed.push(at);
        block[at]! ^= 1;
      }
      expect(unnoticed).toEqual([]);
    },
  );
});
