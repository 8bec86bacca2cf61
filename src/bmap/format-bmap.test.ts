import * as fc from 'fast-check';
import { expect, it } from 'vitest';

import { BmapError } from '../errors/errors.ts';
import { countMappedBlocks, type Bmap, type BmapRange } from './bmap.ts';
import { formatBmap } from './format-bmap.ts';
import { parseBmap } from './parse-bmap.ts';

const sample: Bmap = {
  version: '2.0',
  imageSizeBytes: 100_001,
  blockSizeBytes: 4096,
  blockCount: 25,
  mappedBlockCount: 2,
  checksumType: 'sha256',
  ranges: [
    {
      firstBlock: 4,
      lastBlock: 4,
      checksum: '04570a47b60957a2dafb7714e67fd097bd70e9f1028505696a3885c2ce7a183d',
    },
    {
      firstBlock: 24,
      lastBlock: 24,
      checksum: 'a3f7d5a9c3e0c86fd6a71c549c2048ad722b1616336c3df909755cd6f3fd483b',
    },
  ],
};

const HEX = Array.from('0123456789abcdef');

/** A map of random size and ranges, each with a SHA-256 checksum or all without. */
const maps = fc
  .record({
    blockSizeBytes: fc.constantFrom(512, 1024, 4096, 65_536),
    lengths: fc.array(fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 })), {
      maxLength: 30,
    }),
    blocksAfter: fc.integer({ min: 1, max: 1000 }),
    missingBytes: fc.nat(511),
    digits: fc.option(fc.string({ unit: fc.constantFrom(...HEX), minLength: 64, maxLength: 64 }), {
      nil: undefined,
    }),
  })
  .map(({ blockSizeBytes, lengths, blocksAfter, missingBytes, digits }): Bmap => {
    const ranges: BmapRange[] = [];
    let nextBlock = 0;
    for (const [gap, length] of lengths) {
      const firstBlock = nextBlock + gap;
      nextBlock = firstBlock + length;
      const range = { firstBlock, lastBlock: nextBlock - 1 };
      ranges.push(digits === undefined ? range : { ...range, checksum: digits });
    }
    const blockCount = nextBlock + blocksAfter;
    return {
      version: '2.0',
      imageSizeBytes: blockCount * blockSizeBytes - missingBytes,
      blockSizeBytes,
      blockCount,
      mappedBlockCount: countMappedBlocks(ranges),
      checksumType: 'sha256',
      ranges,
    };
  });

it('writes the file checksum that bmaptool 3.6 wrote for the same map', () => {
  const text = Buffer.from(formatBmap(sample)).toString();
  expect(text).toContain(
    '<BmapFileChecksum> f51c4d2adeeeb7a51a078b6539d2f583a7fbbcdf147a266251d8761efc01deeb </BmapFileChecksum>',
  );
  expect(text).toContain('<!-- Count of mapped blocks: 8.0 KiB or 8.0%      -->\n');
  expect(text).toContain('<MappedBlocksCount> 2  </MappedBlocksCount>\n');
});

it('is undone by parseBmap', () => {
  fc.assert(
    fc.property(maps, (bmap) => {
      expect(parseBmap(formatBmap(bmap))).toEqual(bmap);
    }),
  );
});

it('writes version 2.0 with SHA-256 for a map without version or checksums', () => {
  const { checksumType: _, ...old } = {
    ...sample,
    version: '1.2',
    ranges: [],
    mappedBlockCount: 0,
  };
  expect(parseBmap(formatBmap(old))).toEqual({ ...old, version: '2.0', checksumType: 'sha256' });
});

it('takes its checksum with the digest of the map', () => {
  const old = { ...sample, checksumType: 'sha1', ranges: [{ firstBlock: 0, lastBlock: 1 }] };
  expect(parseBmap(formatBmap(old))).toEqual(old);
});

it('refuses a map that no reader would take', () => {
  expect(() => formatBmap({ ...sample, mappedBlockCount: 3 })).toThrow(RangeError);
  expect(() => formatBmap({ ...sample, checksumType: 'nope' })).toThrow(RangeError);
});

it('gives a map or one of our errors for any damaged file', () => {
  const edits = fc.array(
    fc.record({
      at: fc.nat(),
      remove: fc.nat(20),
      insert: fc.constantFrom('', '<', '>', '"', '-', '0', '&', '<!--', '</BlockMap>', '\0', 'é'),
    }),
    { minLength: 1, maxLength: 4 },
  );
  fc.assert(
    fc.property(maps, edits, fc.boolean(), (bmap, changes, asOldVersion) => {
      let text = Buffer.from(formatBmap(bmap)).toString('latin1');
      // Version 1.2 has no file checksum, which would hide all further checks.
      if (asOldVersion) text = text.replace('"2.0"', '"1.2"').replaceAll(/ chksum="\w+"/g, '');
      // Most of the file is the comment at its start, where a change means little.
      const start = text.indexOf('<bmap');
      for (const { at, remove, insert } of changes) {
        const index = start + (at % (text.length - start));
        text = text.slice(0, index) + insert + text.slice(index + remove);
      }
      let parsed: Bmap | undefined;
      try {
        parsed = parseBmap(Buffer.from(text, 'latin1'));
      } catch (error) {
        if (!(error instanceof BmapError)) throw error;
      }
      // What is accepted keeps every invariant, or it could not be written again.
      expect(() => parsed && formatBmap(parsed)).not.toThrow();
    }),
    { numRuns: 2000 },
  );
});
