import { describe, expect, it } from 'vitest';

import { makeReport, makeRuns } from '../../test/support/made-report.ts';
import { RangeSet } from '../ranges/range-set.ts';
import { buildPicture } from './disk-picture.ts';
import { drawSkyline } from './skyline.ts';

const BLOCK = 4096;
const BOX = { x: 20, y: 10, width: 960, height: 40 };

interface Bar {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** The rectangles of a kind's path. */
function barsOf(drawing: string, kind: string): readonly Bar[] {
  const path = new RegExp(`class="k-${kind}" d="([^"]+)"`).exec(drawing)?.[1] ?? '';
  return [...path.matchAll(/M([\d.]+) ([\d.]+)h([\d.]+)v([\d.]+)H([\d.]+)z/g)].map((match) => {
    const [x, y, width, height, left] = match.slice(1).map(Number);
    expect(left).toBe(x);
    return { x: x!, y: y!, width: width!, height: height! };
  });
}

function drawData(data: RangeSet, imageBytes: number): string {
  const { layers } = buildPicture(makeReport({ imageBytes, filesystems: [{ used: { data } }] }));
  return drawSkyline(layers, { startByte: 0, endByte: imageBytes }, BOX);
}

describe('drawSkyline', () => {
  it('draws to scale: place, width, and share of the height', () => {
    const imageBytes = 2000 * BLOCK;
    const first = { startByte: 0, endByte: 500 * BLOCK };
    // Every other block of the last quarter.
    const half = makeRuns({ startByte: 1500 * BLOCK, endByte: imageBytes }, 250, BLOCK);
    const drawing = drawData(RangeSet.of(first).union(half), imageBytes);
    expect(barsOf(drawing, 'data')).toEqual([
      { x: 20, y: 10, width: 240, height: 40 },
      { x: 740, y: 30, width: 240, height: 20 },
    ]);
  });

  it('lets a single block of a terabyte be seen', () => {
    const data = RangeSet.of({ startByte: 2 ** 39, endByte: 2 ** 39 + BLOCK });
    const [bar, ...others] = barsOf(drawData(data, 2 ** 40), 'data');
    expect(others).toEqual([]);
    expect(bar).toEqual({ x: 500, y: 48.5, width: 1.92, height: 1.5 });
  });

  it('piles kinds up without overlap, and never above the box', () => {
    const imageBytes = 4000 * BLOCK;
    const all = { startByte: 0, endByte: imageBytes };
    const kinds = ['superblock', 'bitmap', 'inode-table', 'journal', 'directory'] as const;
    const spread = kinds.map((kind, index) => {
      const runs = makeRuns(all, 500, BLOCK).shift(index * BLOCK);
      return [kind, runs] as const;
    });
    const rest = spread.reduce((free, [, set]) => free.subtract(set), RangeSet.of(all));
    const used = Object.fromEntries([...spread, ['data', rest]]);
    const { layers } = buildPicture(makeReport({ imageBytes, filesystems: [{ used }] }));
    const drawing = drawSkyline(layers, all, { ...BOX, height: 6 });
    const bars = [...kinds, 'data'].flatMap((kind) => barsOf(drawing, kind));
    expect(bars).toHaveLength(6);
    let bottom = 16;
    for (const bar of bars) {
      expect(bar.y + bar.height).toBeCloseTo(bottom);
      expect(bar.width).toBe(960);
      bottom = bar.y;
    }
    expect(bottom).toBeCloseTo(10);
  });

  it('covers all of the box with rectangles that tell figures', () => {
    const imageBytes = 100 * BLOCK;
    const drawing = drawData(RangeSet.of({ startByte: 0, endByte: 25 * BLOCK }), imageBytes);
    const segments = [...drawing.matchAll(/class="figures" x="([\d.]+)".*? width="([\d.]+)"/g)];
    const widths = segments.map((match) => Number(match[2]));
    expect(widths.reduce((sum, width) => sum + width, 0)).toBeCloseTo(960, 1);
    expect(Number(segments[0]![1])).toBe(20);
    const titles = [...drawing.matchAll(/<title>([^<]+)/g)].map((match) => match[1]);
    expect(titles).toEqual([
      '0 bytes to 96.0 KiB: data',
      '96.0 KiB to 104.0 KiB: left out 4.0 KiB (50.0%), data 4.0 KiB (50.0%)',
      '104.0 KiB to 400.0 KiB: left out',
    ]);
  });

  it('draws an image of one byte', () => {
    const { layers } = buildPicture(makeReport({ imageBytes: 1 }));
    const drawing = drawSkyline(layers, { startByte: 0, endByte: 1 }, BOX);
    expect(barsOf(drawing, 'unknown')).toEqual([{ x: 20, y: 10, width: 960, height: 40 }]);
  });
});
