import { expect, it } from 'vitest';

import { SystemError } from '../errors/errors.ts';
import { readDataRanges, type HoleCalls } from './hole-map.ts';

const file = { fileDescriptor: -1, path: 'x.img' };
const SIZE = 100_000;

/** Calls of a filesystem without FIEMAP and without holes, some of them replaced. */
function calls(changes: Partial<HoleCalls>): HoleCalls {
  return {
    readExtents: () => undefined,
    seekData: (_, fromByte) => fromByte,
    seekHole: () => SIZE,
    ...changes,
  };
}

const read = (changes: Partial<HoleCalls>) => [...readDataRanges(file, SIZE, calls(changes))];

it('asks for extents until none is left, and cuts them at the end of the file', () => {
  const extents = [
    { startByte: 4096, endByte: 8192 },
    { startByte: 8192, endByte: 12_288 },
    { startByte: 98_304, endByte: 2 ** 62 },
    { startByte: 2 ** 62, endByte: 2 ** 62 + 4096 },
  ];
  const asked: number[] = [];
  const readExtents = (_: unknown, startByte: number) => {
    asked.push(startByte);
    return extents.filter(({ endByte }) => endByte > startByte).slice(0, 1);
  };
  expect(read({ readExtents })).toEqual([
    { startByte: 4096, endByte: 12_288 },
    { startByte: 98_304, endByte: SIZE },
  ]);
  expect(asked).toEqual([0, 8192, 12_288]);
});

it('believes a filesystem that has no extents for the file', () => {
  // Asked by seeking, it would name data everywhere.
  expect(read({ readExtents: () => [] })).toEqual([]);
});

it('seeks where extents are not supported', () => {
  expect(
    read({
      seekData: (_, fromByte) => (fromByte < 4096 ? 4096 : fromByte < 90_000 ? 90_000 : undefined),
      seekHole: (_, fromByte) => (fromByte < 90_000 ? 8192 : SIZE),
    }),
  ).toEqual([
    { startByte: 4096, endByte: 8192 },
    { startByte: 90_000, endByte: SIZE },
  ]);
});

it('takes a file for data whole where seeking never finds a hole', () => {
  expect(read({})).toEqual([{ startByte: 0, endByte: SIZE }]);
});

it.each<[string, Partial<HoleCalls>, string]>([
  [
    'extents that lead nowhere',
    { readExtents: () => [{ startByte: 0, endByte: 0 }] },
    'hole-contradiction',
  ],
  [
    'data before the place asked for',
    { seekHole: () => 10, seekData: () => 0 },
    'hole-contradiction',
  ],
  ['a hole where data starts', { seekHole: (_, fromByte) => fromByte }, 'hole-contradiction'],
  [
    'no answer',
    {
      seekData: () => {
        throw new SystemError('EINVAL', 'x.img', 'lseek failed');
      },
    },
    'no-hole-information',
  ],
  [
    'a failing disk',
    {
      seekHole: () => {
        throw new SystemError('EIO', 'x.img', 'input/output error');
      },
    },
    'EIO',
  ],
])('makes no map of %s', (_, changes, kind) => {
  expect(() => read(changes)).toThrow(expect.objectContaining({ kind, path: 'x.img' }));
});
