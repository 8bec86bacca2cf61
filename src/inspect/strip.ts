/**
 * The picture in one line of characters. Each cell shows the kind with the most bytes in it, and tells
 * by its case how full it is, so that it can be read without colours.
 */
import type { ByteRange } from '../ranges/byte-range.ts';
import { cutCells, leadingKind, mappedShare, type Layer } from './cells.ts';
import { KIND_STYLES, LEFT_OUT_INDEX } from './picture-kinds.ts';

export interface StripCell {
  /** Lower case if not full. */
  readonly letter: string;
  /** More than half of the cell is mapped. */
  readonly isFull: boolean;
  /** The index of the kind in `KIND_STYLES`. */
  readonly kindIndex: number;
}

/** In the ruler: a cell with several partitions, or with one too narrow for its number. */
export const SHARED_CELL = '+';

/** At most `width` cells, each one character wide. */
export function drawStrip(
  layers: readonly Layer[],
  range: ByteRange,
  width: number,
): readonly StripCell[] {
  return cutCells(layers, range, width).map(({ tally }) => {
    const kindIndex = leadingKind(tally) ?? LEFT_OUT_INDEX;
    const { letter } = KIND_STYLES[kindIndex]!;
    const isFull = mappedShare(tally) > 0.5;
    return { kindIndex, isFull, letter: isFull ? letter : letter.toLowerCase() };
  });
}

/**
 * A line under the strip of the whole image that tells where partitions lie: a number where each
 * begins and `=` as far as it reaches, and blanks for gaps.
 */
export function drawRuler(
  places: readonly (ByteRange & { readonly label: string })[],
  imageBytes: number,
  width: number,
): string {
  const cellCount = Math.min(width, imageBytes);
  const inOrder = places.toSorted((one, other) => one.startByte - other.startByte);
  const shown: (number | typeof SHARED_CELL | undefined)[] = Array.from({ length: cellCount });
  let lastFirst = -1;
  for (const [index, { startByte, endByte }] of inOrder.entries()) {
    const first = Math.floor((startByte / imageBytes) * cellCount);
    const end = Math.max(first + 1, Math.ceil((endByte / imageBytes) * cellCount));
    // A cell where one partition ends and the next begins belongs to the next: its number needs room.
    shown.fill(index, first, end);
    if (first === lastFirst) shown[first] = SHARED_CELL;
    lastFirst = first;
  }
  let line = '';
  while (line.length < cellCount) {
    const owner = shown[line.length];
    let end = line.length;
    while (end < cellCount && shown[end] === owner) end++;
    const length = end - line.length;
    if (owner === undefined) line += ' '.repeat(length);
    else if (owner === SHARED_CELL) line += SHARED_CELL.repeat(length);
    else {
      const { label } = inOrder[owner]!;
      line += label.length <= length ? label.padEnd(length, '=') : SHARED_CELL.repeat(length);
    }
  }
  return line;
}
