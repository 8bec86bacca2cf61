import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { makeDemoImage } from '../../test/support/demo-image.ts';
import { FileReader } from '../image/file-reader.ts';
import { MemoryReader } from '../image/memory-reader.ts';
import { RangeSet } from '../ranges/range-set.ts';
import type { ClaimResult } from '../scan/claim-result.ts';
import { decideMapping, surveyImage, type Survey } from '../scan/scan-image.ts';
import type { ImageVolume } from '../scan/volumes.ts';
import { findLosses } from './find-losses.ts';

const BLOCK = 4096;
const IMAGE_BYTES = 32 * BLOCK;

function range(firstBlock: number, endBlock: number): RangeSet {
  return RangeSet.of({ startByte: firstBlock * BLOCK, endByte: endBlock * BLOCK });
}

function makeVolume(index: number, firstBlock: number, endBlock: number): ImageVolume {
  return {
    index,
    name: index === 0 ? 'image' : `partition ${index}`,
    startByte: firstBlock * BLOCK,
    endByte: endBlock * BLOCK,
    reader: new MemoryReader(new Uint8Array((endBlock - firstBlock) * BLOCK)),
    partition: index === 0 ? undefined : ({ number: index } as ImageVolume['partition']),
  };
}

function makeClaim(volume: ImageVolume, blocks: number, used: RangeSet): ClaimResult {
  const { startByte } = volume;
  return {
    claim: { volume, type: 'test', lengthBytes: blocks * BLOCK },
    probeName: 'test',
    facts: { state: 'clean' },
    whole: undefined,
    used: new Map([['data', used]]),
    released: used.complementWithin(startByte, startByte + blocks * BLOCK),
  };
}

const image = makeVolume(0, 0, 32);

function makeSurvey(parts: Partial<Survey>, bytes = new Uint8Array(IMAGE_BYTES)): Survey {
  return {
    reader: new MemoryReader(bytes),
    table: {
      scheme: 'gpt',
      sectorBytes: 512,
      partitions: [],
      tableRanges: [],
      isTrusted: true,
      findings: [],
    },
    volumes: [image],
    claims: [],
    largeGaps: RangeSet.empty,
    releasedGaps: RangeSet.empty,
    kept: RangeSet.empty,
    findings: [],
    ...parts,
  };
}

function describeLosses(survey: Survey, mapped: RangeSet) {
  const { lost, doubtful } = findLosses(survey, mapped);
  const words = (losses: typeof lost) =>
    losses.map(({ place, kind, startByte, endByte }) => {
      return `${place} ${kind} ${startByte / BLOCK}-${endByte / BLOCK}`;
    });
  return { lost: words(lost), doubtful: words(doubtful) };
}

describe('findLosses', () => {
  it('names used extents and nothing of what is free', () => {
    const volume = makeVolume(1, 4, 20);
    const claim = makeClaim(volume, 16, range(4, 6).union(range(10, 12)));
    const survey = makeSurvey({ volumes: [image, volume], claims: [claim] });
    const rest = range(0, 4).union(range(20, 32));
    expect(describeLosses(survey, rest.union(range(4, 11)))).toEqual({
      lost: ['partition 1 data 11-12'],
      doubtful: [],
    });
    expect(describeLosses(survey, rest.union(range(4, 6)).union(range(10, 12)))).toEqual({
      lost: [],
      doubtful: [],
    });
  });

  it('calls zeros of slack and gaps doubtful, data in them lost', () => {
    const volume = makeVolume(1, 4, 20);
    const bytes = new Uint8Array(IMAGE_BYTES);
    bytes[18 * BLOCK] = 1;
    bytes[22 * BLOCK - 1] = 1;
    const claim = makeClaim(volume, 10, RangeSet.empty);
    const survey = makeSurvey({ volumes: [image, volume], claims: [claim] }, bytes);
    expect(describeLosses(survey, RangeSet.empty)).toEqual({
      lost: ['partition 1 slack 18-19', 'image gap 21-22'],
      doubtful: [
        'image gap 0-4',
        'partition 1 slack 14-18',
        'partition 1 slack 19-20',
        'image gap 20-21',
        'image gap 22-32',
      ],
    });
  });

  it('calls lost what nobody understood, zeros or not', () => {
    const [unread, unknown] = [makeVolume(1, 4, 8), makeVolume(2, 8, 12)];
    const claim = { ...makeClaim(unread, 2, range(5, 6)), whole: 'damage' as const };
    const survey = makeSurvey({
      volumes: [image, unread, unknown],
      claims: [{ ...claim, released: RangeSet.empty }],
      kept: range(12, 13),
    });
    expect(describeLosses(survey, range(13, 32).union(range(0, 4))).lost).toEqual([
      'partition 1 not-understood 4-5',
      'partition 1 data 5-6',
      'partition 1 not-understood 6-8',
      'partition 2 unknown 8-12',
      'image protected 12-13',
    ]);
  });

  it('knows an image without partitions and without a filesystem', () => {
    expect(describeLosses(makeSurvey({}), range(3, 32)).lost).toEqual(['image unknown 0-3']);
    const claim = makeClaim(image, 16, range(0, 1));
    const survey = makeSurvey({ claims: [claim] });
    expect(describeLosses(survey, RangeSet.empty)).toEqual({
      lost: ['image data 0-1'],
      doubtful: ['image slack 16-32'],
    });
  });

  it('needs every claim and every volume to agree, as the scan does', () => {
    const [one, other] = [makeVolume(1, 0, 16), makeVolume(2, 8, 32)];
    const [first, second] = [makeClaim(one, 16, RangeSet.empty), makeClaim(other, 4, range(9, 10))];
    const survey = makeSurvey({ volumes: [image, one, other], claims: [first, second] });
    expect(describeLosses(survey, RangeSet.empty)).toEqual({
      lost: ['partition 1 data 9-10'],
      doubtful: ['partition 1 slack 12-16', 'partition 2 slack 16-32'],
    });
  });

  it('splits what reaches over partitions, and keeps to the ends of the image', () => {
    const [one, other] = [makeVolume(1, 4, 8), makeVolume(2, 8, 12)];
    const survey = makeSurvey({ volumes: [image, one, other], kept: range(3, 13) });
    const table = {
      ...survey.table,
      tableRanges: [{ startByte: 31 * BLOCK, endByte: 40 * BLOCK }],
    };
    const { lost } = describeLosses({ ...survey, table }, RangeSet.empty);
    expect(lost).toEqual([
      'image protected 3-4',
      'partition 1 unknown 4-8',
      'partition 2 unknown 8-12',
      'image protected 12-13',
      'image partition-table 31-32',
    ]);
  });

  it('finds everything that a scan maps and a map does not, and nothing else', async () => {
    const reader = new FileReader(makeDemoImage());
    const survey = await surveyImage(reader);
    const { mapped } = decideMapping(survey);
    const blocks = reader.sizeBytes / BLOCK;
    const position = fc.integer({ min: 0, max: blocks });
    const maps = fc
      .array(fc.tuple(position, position), { maxLength: 12 })
      .map((pairs) =>
        pairs
          .map(([a, b]) => range(Math.min(a, b), Math.max(a, b)))
          .reduce((all, set) => all.union(set), RangeSet.empty),
      );
    const property = fc.property(maps, (inMap) => {
      const { lost, doubtful } = findLosses(survey, inMap);
      const found = RangeSet.of(...lost, ...doubtful);
      expect(found.lengthBytes).toBe(
        RangeSet.of(...lost).lengthBytes + RangeSet.of(...doubtful).lengthBytes,
      );
      expect(found.alignOut(BLOCK, reader.sizeBytes)).toEqual(mapped.subtract(inMap));
    });
    fc.assert(property, { numRuns: 60 });
    reader.close();
  });
});
