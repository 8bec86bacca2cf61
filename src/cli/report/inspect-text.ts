/**
 * The answer of `bmap inspect` for people at a terminal: the disk as a strip, a table, and a paragraph
 * for each partition. No line is wider than the terminal; without colours it says the same.
 */
import { formatHumanSize, formatPercent } from '../../bmap/human-size.ts';
import type { DiskPicture, Place } from '../../inspect/disk-picture.ts';
import {
  describeTable,
  filesystemFacts,
  missingLines,
  nameOf,
  placeFacts,
  type Fact,
} from '../../inspect/facts.ts';
import { KIND_STYLES, LEFT_OUT_INDEX } from '../../inspect/picture-kinds.ts';
import { drawRuler, drawStrip, SHARED_CELL, type StripCell } from '../../inspect/strip.ts';
import { wrapText } from '../../inspect/text-width.ts';
import { describeType, formatDiskTable } from './disk-table.ts';
import { escapeMessage, escapeText } from '../terminal/escape-text.ts';

export interface TextOptions {
  readonly columns: number;
  readonly useColor: boolean;
}

/** Narrower than this nothing can be told; wider lines are hard to follow. */
const MIN_COLUMNS = 40;
const MAX_COLUMNS = 160;
const INDENT = '  ';
const LEGEND_GAP = '  ';
const RESET = '\u001b[0m';

/** All text of the image is escaped in the lines. */
export function formatInspectLines(
  path: string,
  picture: DiskPicture,
  options: TextOptions,
): readonly string[] {
  const columns = Math.max(MIN_COLUMNS, Math.min(MAX_COLUMNS, options.columns));
  const { report, imageBytes } = picture;
  const leftOutBytes = imageBytes - report.mapped.lengthBytes;
  const title = `${escapeText(path)}: ${formatHumanSize(imageBytes)}, ${describeTable(report)}`;
  return [
    ...wrapText(title, columns, INDENT),
    '',
    ...formatDisk(picture, columns, options.useColor),
    '',
    ...formatDiskTable(picture, columns),
    ...missingLines(report),
    `left out ${formatHumanSize(leftOutBytes)} of ${formatHumanSize(imageBytes)} (${formatPercent(leftOutBytes, imageBytes)})`,
    ...picture.places.flatMap((place) => ['', ...formatPlace(picture, place, columns, options)]),
    ...formatFindings(picture, columns),
  ];
}

function formatDisk(picture: DiskPicture, columns: number, useColor: boolean): readonly string[] {
  const { imageBytes, places, layers } = picture;
  const partitions = places.flatMap(({ report, startByte, endByte }) => {
    const { partition } = report.volume;
    return partition === undefined ? [] : [{ startByte, endByte, label: `${partition.number}` }];
  });
  const strip = drawStrip(layers, { startByte: 0, endByte: imageBytes }, columns);
  const ruler = drawRuler(partitions, imageBytes, columns).trimEnd();
  const shared = ruler.includes(SHARED_CELL) ? ' Partitions too narrow for their number: +.' : '';
  return [
    paint(strip, useColor),
    ...(ruler === '' ? [] : [ruler]),
    ...formatLegend(picture, columns, useColor),
    ...wrapText(`Lower case: at most half of the cell is mapped.${shared}`, columns, ''),
  ];
}

/** Runs of one look share a colour sequence. */
function paint(cells: readonly StripCell[], useColor: boolean): string {
  let line = '';
  let current = '';
  for (const cell of cells) {
    const color = useColor ? colorOf(cell) : '';
    if (color !== current) line += color;
    current = color;
    line += cell.letter;
  }
  return useColor ? `${line}${RESET}` : line;
}

/** Full cells are filled with the kind's colour; the letters of others are written in it. */
function colorOf({ kindIndex, isFull }: StripCell): string {
  const [background, foreground] = KIND_STYLES[kindIndex]!.terminal;
  if (kindIndex === LEFT_OUT_INDEX) return `\u001b[0;38;5;${foreground}m`;
  return isFull
    ? `\u001b[0;48;5;${background};38;5;${foreground}m`
    : `\u001b[0;38;5;${background}m`;
}

/** Only the kinds that occur, in as many columns as fit. */
function formatLegend(picture: DiskPicture, columns: number, useColor: boolean): readonly string[] {
  const items = KIND_STYLES.flatMap(({ letter, words }, kindIndex) => {
    const bytes = picture.tally[kindIndex]!;
    const text = `${words} ${formatHumanSize(bytes)}`;
    return bytes === 0 ? [] : [{ letter, kindIndex, isFull: true, text }];
  });
  const textColumns = Math.max(...items.map(({ text }) => text.length));
  const perLine = Math.max(
    1,
    Math.floor((columns + LEGEND_GAP.length) / (textColumns + 2 + LEGEND_GAP.length)),
  );
  const lines: string[] = [];
  for (let first = 0; first < items.length; first += perLine) {
    const line = items
      .slice(first, first + perLine)
      .map(({ text, ...cell }) => `${paint([cell], useColor)} ${text.padEnd(textColumns)}`);
    lines.push(line.join(LEGEND_GAP).trimEnd());
  }
  return lines;
}

function formatPlace(
  picture: DiskPicture,
  place: Place,
  columns: number,
  { useColor }: TextOptions,
): readonly string[] {
  const kinds = place.tally.filter((bytes) => bytes > 0).length;
  const strip = drawStrip(picture.layers, place, columns - INDENT.length);
  const type = describeType(place);
  const facts: readonly Fact[] = [
    ...placeFacts(place),
    ...place.report.claims.flatMap(filesystemFacts),
    ['holds', describeTally(place.tally)],
  ];
  return [
    ...wrapText(`${nameOf(place)}${type === '' ? '' : `: ${type}`}`, columns, INDENT),
    // One kind from end to end is no picture, and the whole image has been drawn.
    ...(kinds > 1 && place.endByte - place.startByte < picture.imageBytes
      ? [`${INDENT}${paint(strip, useColor)}`]
      : []),
    ...formatFacts(facts, columns),
  ];
}

function describeTally(tally: Float64Array): string {
  return KIND_STYLES.map(({ words }, index) => ({ words, bytes: tally[index]! }))
    .filter(({ bytes }, index) => bytes > 0 && index !== LEFT_OUT_INDEX)
    .map(({ words, bytes }) => `${words} ${formatHumanSize(bytes)}`)
    .join(', ');
}

/** Names to the left, values behind them in a column of their own. */
function formatFacts(facts: readonly Fact[], columns: number): readonly string[] {
  const nameColumns = Math.max(...facts.map(([name]) => name.length)) + 2;
  const valueColumns = columns - INDENT.length - nameColumns;
  return facts.flatMap(([name, value]) =>
    wrapText(escapeText(value), valueColumns, '').map(
      (line, index) => INDENT + (index === 0 ? name : '').padEnd(nameColumns) + line,
    ),
  );
}

function formatFindings({ report }: DiskPicture, columns: number): readonly string[] {
  if (report.findings.length === 0) return [];
  const lines = report.findings.flatMap(({ level, code, text }) =>
    wrapText(`${level} ${code}: ${escapeMessage(text).replaceAll('\n', ' ')}`, columns, INDENT),
  );
  return ['', 'findings', ...lines];
}
