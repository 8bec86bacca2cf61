/**
 * A stretch of the image cut into equal cells, each with its bytes by kind. However large the disk and
 * however many the runs, a picture holds no more than its cells.
 */
import type { ByteRange } from '../ranges/byte-range.ts';
import type { RangeSet } from '../ranges/range-set.ts';
import { KIND_COUNT, LEFT_OUT_INDEX, type PictureKind } from './picture-kinds.ts';

/** One kind and where it lies. */
export interface Layer {
  readonly kind: PictureKind;
  readonly ranges: RangeSet;
}

/** Never empty. */
export interface Cell extends ByteRange {
  /** Bytes by the index of the kind in `KIND_STYLES`. They add up to the cell. */
  readonly tally: Float64Array;
}

/** Cuts `[startByte, endByte)` into `count` cells, or into single bytes if there are fewer. */
export function cutCells(
  layers: readonly Layer[],
  { startByte, endByte }: ByteRange,
  count: number,
): readonly Cell[] {
  const lengthBytes = endByte - startByte;
  const cellCount = Math.min(count, lengthBytes);
  if (cellCount === 0) return [];
  // Divided first: the product of a disk's size and a count may be above what doubles hold exactly.
  const edge = (index: number): number => startByte + Math.round(lengthBytes * (index / cellCount));
  const cells = Array.from({ length: cellCount }, (_, index) => ({
    startByte: edge(index),
    endByte: edge(index + 1),
    tally: new Float64Array(KIND_COUNT),
  }));
  for (const [kindIndex, { ranges }] of layers.entries()) {
    let at = 0;
    for (const run of runsWithin(ranges, startByte, endByte)) {
      // Runs come in order, so the cell of one is never before that of the last.
      while (cells[at]!.endByte <= run.startByte) at++;
      for (let index = at; index < cellCount && cells[index]!.startByte < run.endByte; index++) {
        const cell = cells[index]!;
        cell.tally[kindIndex]! +=
          Math.min(run.endByte, cell.endByte) - Math.max(run.startByte, cell.startByte);
        at = index;
      }
    }
  }
  return cells;
}

/** Bytes of `[startByte, endByte)` by kind. */
export function tally(layers: readonly Layer[], startByte: number, endByte: number): Float64Array {
  return cutCells(layers, { startByte, endByte }, 1)[0]?.tally ?? new Float64Array(KIND_COUNT);
}

/** The kind with the most bytes, what is left out aside; undefined if nothing is mapped. */
export function leadingKind(bytesByKind: Float64Array): number | undefined {
  let leading: number | undefined;
  for (const [index, bytes] of bytesByKind.entries()) {
    if (index === LEFT_OUT_INDEX || bytes === 0) continue;
    if (leading === undefined || bytes > bytesByKind[leading]!) leading = index;
  }
  return leading;
}

/** The part of the bytes that the map holds, from 0 to 1. */
export function mappedShare(bytesByKind: Float64Array): number {
  const all = bytesByKind.reduce((sum, bytes) => sum + bytes, 0);
  return all === 0 ? 0 : (all - bytesByKind[LEFT_OUT_INDEX]!) / all;
}

/** The runs of a set inside a range, cut at its ends; found by bisection, since sets may be long. */
function* runsWithin(set: RangeSet, startByte: number, endByte: number): Generator<ByteRange> {
  let low = 0;
  let high = set.count;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (set.at(middle).endByte <= startByte) low = middle + 1;
    else high = middle;
  }
  for (; low < set.count; low++) {
    const run = set.at(low);
    if (run.startByte >= endByte) return;
    yield {
      startByte: Math.max(run.startByte, startByte),
      endByte: Math.min(run.endByte, endByte),
    };
  }
}
