import { describe, expect, it } from 'vitest';

import { makeReport } from '../../test/support/made-report.ts';
import { RangeSet } from '../ranges/range-set.ts';
import { buildPicture } from './disk-picture.ts';
import { drawRuler, drawStrip } from './strip.ts';

const BLOCK = 4096;

function strip(usedBlocks: number, width: number): string {
  const used = { data: RangeSet.of({ startByte: 0, endByte: usedBlocks * BLOCK }) };
  const imageBytes = 100 * BLOCK;
  const { layers } = buildPicture(makeReport({ imageBytes, filesystems: [{ used }] }));
  return drawStrip(layers, { startByte: 0, endByte: imageBytes }, width)
    .map(({ letter }) => letter)
    .join('');
}

describe('drawStrip', () => {
  it('shows by its case whether more than half of a cell is mapped', () => {
    expect(strip(25, 10)).toBe('DDd.......');
    expect(strip(26, 10)).toBe('DDD.......');
    expect(strip(1, 1)).toBe('d');
  });

  it('has no more cells than bytes', () => {
    const { layers } = buildPicture(makeReport({ imageBytes: 3 }));
    const cells = drawStrip(layers, { startByte: 0, endByte: 3 }, 80);
    expect(cells.map(({ letter }) => letter).join('')).toBe('???');
  });
});

describe('drawRuler', () => {
  const place = (startByte: number, endByte: number, label: string) => ({
    startByte,
    endByte,
    label,
  });

  it('puts numbers where partitions begin', () => {
    const places = [place(100, 400, '1'), place(400, 500, '2'), place(700, 1000, '3')];
    expect(drawRuler(places, 1000, 20)).toBe('  1=====2=    3=====');
  });

  it('says where there is no room for a number', () => {
    const places = [1, 2, 3, 4].map((n) => place(n * 10, n * 10 + 10, `${n}`));
    const ruler = drawRuler([...places, place(200, 300, '128')], 1000, 20);
    expect(ruler.trimEnd()).toBe('+   ++');
  });

  it('takes partitions in any order', () => {
    const places = [place(500, 1000, '1'), place(0, 10, '3'), place(10, 500, '2')];
    expect(drawRuler(places, 1000, 20)).toBe('+2========1=========');
  });

  it('is empty without partitions', () => {
    expect(drawRuler([], 1000, 20).trim()).toBe('');
  });
});
