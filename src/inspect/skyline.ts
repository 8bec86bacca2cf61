/**
 * A stretch of the image as SVG, to scale: columns from left to right, and in each the kinds piled up to
 * the share that the map holds. Paper shows through where nothing is mapped.
 */
import { formatHumanSize, formatPercent } from '../bmap/human-size.ts';
import type { ByteRange } from '../ranges/byte-range.ts';
import { cutCells, type Cell, type Layer } from './cells.ts';
import { KIND_STYLES, LEFT_OUT_INDEX } from './picture-kinds.ts';

/** Position and size in units of the drawing. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** As fine as a screen shows: two units of a drawing of 1000. */
const COLUMN_COUNT = 500;
/** What tells its figures when the pointer rests on it. */
const SEGMENT_COUNT = 50;
/** So that a single block is still seen. */
const MIN_HEIGHT = 1.5;

/** @returns SVG elements without a frame around them: paper, kinds, figures. */
export function drawSkyline(layers: readonly Layer[], range: ByteRange, box: Box): string {
  const cells = cutCells(layers, range, COLUMN_COUNT);
  const segments = cutCells(layers, range, SEGMENT_COUNT);
  return [
    `<rect class="k-left-out" x="${box.x}" y="${box.y}" width="${box.width}" height="${box.height}"/>`,
    ...drawKinds(cells, box),
    ...drawSegments(segments, range, box),
  ].join('\n');
}

/** A path for each kind that occurs: a rectangle for each run of columns where it has the same place. */
function drawKinds(cells: readonly Cell[], box: Box): readonly string[] {
  const paths = KIND_STYLES.map(() => '');
  const open = KIND_STYLES.map(() => ({ from: 0, y: 0, height: 0 }));
  const x = (column: number): number => round(box.x + (box.width * column) / cells.length);
  for (let column = 0; column <= cells.length; column++) {
    const piles = pileUp(cells[column], box);
    for (const [index, { y, height }] of piles.entries()) {
      const run = open[index]!;
      if (run.y === y && run.height === height) continue;
      if (run.height > 0) {
        const left = x(run.from);
        paths[index] += `M${left} ${run.y}h${round(x(column) - left)}v${run.height}H${left}z`;
      }
      open[index] = { from: column, y, height };
    }
  }
  return paths.flatMap((path, index) =>
    path === '' ? [] : [`<path class="k-${KIND_STYLES[index]!.kind}" d="${path}"/>`],
  );
}

/** Where each kind stands in a column, from the floor up in order of precedence. */
function pileUp(
  cell: Cell | undefined,
  box: Box,
): readonly { readonly y: number; readonly height: number }[] {
  const lengthBytes = cell === undefined ? 1 : cell.endByte - cell.startByte;
  const heights = KIND_STYLES.map((_, index) => {
    const bytes = cell?.tally[index] ?? 0;
    if (index === LEFT_OUT_INDEX || bytes === 0) return 0;
    return Math.max(MIN_HEIGHT, (bytes / lengthBytes) * box.height);
  });
  // Many small kinds in a full column: all give way.
  const sum = heights.reduce((total, height) => total + height, 0);
  const scale = sum > box.height ? box.height / sum : 1;
  let top = box.y + box.height;
  return heights.map((height) => {
    const bottom = top;
    top -= height * scale;
    return { y: round(top), height: round(round(bottom) - round(top)) };
  });
}

/** Clear rectangles over the picture. Neighbours that hold the same single kind are one. */
function drawSegments(segments: readonly Cell[], range: ByteRange, box: Box): readonly string[] {
  const scale = box.width / (range.endByte - range.startByte);
  const elements: string[] = [];
  for (let first = 0; first < segments.length;) {
    const kind = onlyKind(segments[first]!);
    const differs = segments.findIndex(
      (segment, index) => index > first && (kind === undefined || onlyKind(segment) !== kind),
    );
    const end = differs === -1 ? segments.length : differs;
    const { startByte, tally } = segments[first]!;
    const { endByte } = segments[end - 1]!;
    const x = round(box.x + (startByte - range.startByte) * scale);
    const width = round(box.x + (endByte - range.startByte) * scale - x);
    const place = `${formatHumanSize(startByte)} to ${formatHumanSize(endByte)}`;
    elements.push(
      `<rect class="figures" x="${x}" y="${box.y}" width="${width}" height="${box.height}">` +
        `<title>${place}: ${describeShares(tally)}</title></rect>`,
    );
    first = end;
  }
  return elements;
}

function onlyKind({ tally }: Cell): number | undefined {
  const present = [...tally.keys()].filter((index) => tally[index]! > 0);
  return present.length === 1 ? present[0] : undefined;
}

function describeShares(tally: Float64Array): string {
  const all = tally.reduce((sum, bytes) => sum + bytes, 0);
  return [...tally.entries()]
    .filter(([, bytes]) => bytes > 0)
    .toSorted(([, one], [, other]) => other - one)
    .map(([index, bytes]) => {
      const { words } = KIND_STYLES[index]!;
      return bytes === all
        ? words
        : `${words} ${formatHumanSize(bytes)} (${formatPercent(bytes, all)})`;
    })
    .join(', ');
}

/** Two decimals keep neighbours flush at any zoom that matters, and files small. */
export function round(value: number): number {
  return Math.round(value * 100) / 100;
}
