import { describe, expect, it } from 'vitest';

import { makeReport, type MadeDisk } from '../../test/support/made-report.ts';
import { RangeSet } from '../ranges/range-set.ts';
import { buildPicture } from './disk-picture.ts';
import { KIND_STYLES, type PictureKind } from './picture-kinds.ts';

const BLOCK = 4096;

function blocks(first: number, end: number): RangeSet {
  return RangeSet.of({ startByte: first * BLOCK, endByte: end * BLOCK });
}

function range(first: number, end: number) {
  return { startByte: first * BLOCK, endByte: end * BLOCK };
}

/** The kinds of an image of one character a block, by their letters. */
function draw(disk: MadeDisk): string {
  const { layers, imageBytes } = buildPicture(makeReport(disk));
  const cells = Array.from({ length: imageBytes / BLOCK }, () => '');
  for (const [index, { ranges }] of layers.entries()) {
    for (const { startByte, endByte } of ranges) {
      for (let at = startByte / BLOCK; at < endByte / BLOCK; at++) {
        cells[Math.floor(at)] += KIND_STYLES[index]!.letter;
      }
    }
  }
  return cells.join('|');
}

describe('buildPicture', () => {
  it('tells tables, gaps, filesystems, what is left out, slack and the unknown', () => {
    const disk = {
      imageBytes: 12 * BLOCK,
      tableRanges: [range(0, 1), range(11, 12)],
      partitions: [
        {
          ...range(2, 8),
          filesystems: [
            {
              lengthBytes: 5 * BLOCK,
              used: { superblock: blocks(2, 3), data: blocks(4, 5), journal: blocks(5, 6) },
            },
          ],
        },
        range(9, 11),
      ],
    };
    expect(draw(disk)).toBe('T|-|S|.|D|J|.|~|-|?|?|T');
  });

  it('shows the kind with precedence where two meet', () => {
    const disk = {
      imageBytes: 4 * BLOCK,
      filesystems: [
        { used: { data: blocks(0, 3), superblock: blocks(0, 1), directory: blocks(1, 2) } },
      ],
    };
    expect(draw(disk)).toBe('S|N|D|.');
  });

  it('tells free space that stays from what nobody read', () => {
    const partition = range(1, 4);
    const used = { data: blocks(1, 2) };
    const imageBytes = 4 * BLOCK;
    const of = (whole: 'verity' | 'damage') => ({
      imageBytes,
      partitions: [{ ...partition, filesystems: [{ used, whole }] }],
    });
    expect(draw(of('verity'))).toBe('-|D|K|K');
    expect(draw(of('damage'))).toBe('-|D|?|?');
    const kept = { ...of('verity'), partitions: [{ ...partition, filesystems: [{ used }] }] };
    expect(draw({ ...kept, kept: blocks(3, 4) })).toBe('-|D|.|K');
  });

  it('takes what one of two filesystems did not understand for unknown', () => {
    const filesystems = [{ used: { data: blocks(0, 1) } }, { whole: 'not-read' as const }];
    expect(draw({ imageBytes: 3 * BLOCK, partitions: [{ ...range(0, 3), filesystems }] })).toBe(
      'D|?|?',
    );
  });

  it('draws an image without a table as one place', () => {
    expect(draw({ imageBytes: 2 * BLOCK })).toBe('?|?');
    const filesystems = [{ lengthBytes: 2 * BLOCK, used: { boot: blocks(0, 1) } }];
    expect(draw({ imageBytes: 3 * BLOCK, filesystems })).toBe('B|.|~');
  });

  it('lets an old filesystem in front of a table speak for itself only', () => {
    const filesystems = [{ lengthBytes: 2 * BLOCK, used: { boot: blocks(0, 1) } }];
    const partitions = [{ ...range(3, 4), filesystems: [{ used: { data: blocks(3, 4) } }] }];
    expect(draw({ imageBytes: 5 * BLOCK, filesystems, partitions })).toBe('B|.|-|D|-');
  });

  it('gives every byte one kind, also in overlapping partitions and half blocks', () => {
    const imageBytes = 20 * BLOCK + 77;
    const odd = RangeSet.of(
      { startByte: 5000, endByte: 5001 },
      { startByte: 9999, endByte: 30000 },
    );
    const picture = buildPicture(
      makeReport({
        imageBytes,
        tableRanges: [{ startByte: 0, endByte: 513 }],
        partitions: [
          { startByte: 4096, endByte: 50_000, filesystems: [{ used: { data: odd } }] },
          { startByte: 40_000, endByte: 10 ** 9, filesystems: [{ used: { metadata: odd } }] },
        ],
      }),
    );
    const lengths = picture.layers.map(({ ranges }) => ranges.lengthBytes);
    expect(lengths.reduce((sum, length) => sum + length, 0)).toBe(imageBytes);
    const union = picture.layers.reduce((all, { ranges }) => all.union(ranges), RangeSet.empty);
    expect([...union]).toEqual([{ startByte: 0, endByte: imageBytes }]);
    expect([...picture.tally]).toEqual(lengths);
    const leftOut = picture.layers.find(({ kind }) => kind === ('left-out' satisfies PictureKind));
    expect(leftOut!.ranges.lengthBytes).toBe(imageBytes - picture.report.mapped.lengthBytes);
    for (const { tally, startByte, endByte, report } of picture.places) {
      expect(tally.reduce((sum, bytes) => sum + bytes, 0)).toBe(endByte - startByte);
      expect(tally[0]).toBe(report.leftOutBytes);
    }
  });
});

describe('the table of kinds', () => {
  it('has a letter and colours of its own for each, and signs without case for capitals', () => {
    for (const key of ['kind', 'letter', 'light', 'dark', 'words'] as const) {
      expect(new Set(KIND_STYLES.map((style) => style[key])).size, key).toBe(KIND_STYLES.length);
    }
    for (const { letter } of KIND_STYLES) expect(letter).toBe(letter.toUpperCase());
    const backgrounds = KIND_STYLES.map(({ terminal }) => terminal[0]);
    expect(new Set(backgrounds).size).toBe(KIND_STYLES.length);
  });
});
