/**
 * The answer of `bmap inspect` for people at a terminal: the disk as a strip, a table, and a paragraph
 * for each partition. No line is wider than the terminal; without colours it says the same.
 */
import { formatHumanSize, formatPercent } from '../bmap/human-size.ts';
import type { DiskPicture, Place } from '../inspect/disk-picture.ts';
import {
  describeTable,
  filesystemFacts,
  measureFilesystem,
  missingLines,
  nameOf,
  placeFacts,
  typeOf,
  WHOLE_WORDS,
  type Fact,
} from '../inspect/facts.ts';
import { KIND_STYLES, LEFT_OUT_INDEX } from '../inspect/picture-kinds.ts';
import { drawRuler, drawStrip, SHARED_CELL, type StripCell } from '../inspect/strip.ts';
import { fitText, textWidth, wrapText } from '../inspect/text-width.ts';
import { escapeMessage, escapeText } from './escape-text.ts';

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
    ...formatTable(picture, columns),
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

const HEADINGS = ['', 'type', 'filesystem', 'size', 'used', 'free', 'left out'];
/** The columns of text; the others are sizes, and stand to the right. */
const TYPE_COLUMN = 1;
const FILESYSTEM_COLUMN = 2;
const MIN_TEXT_COLUMN = 8;
const COLUMN_GAP = '  ';

/** A row for each filesystem, or for a partition without one. */
function formatTable(picture: DiskPicture, columns: number): readonly string[] {
  const full = picture.places.flatMap((place) => formatRows(place, describeType(place)));
  const isTight = sumWidths(measureColumns(full)) > columns;
  const rows = isTight
    ? picture.places.flatMap((place) => formatRows(place, describeTypeBriefly(place)))
    : full;
  const widths = measureColumns(rows);
  // Sizes stay whole; the wider of the two columns of free text gives way.
  for (let excess = sumWidths(widths) - columns; excess > 0; excess--) {
    const column =
      widths[TYPE_COLUMN]! >= widths[FILESYSTEM_COLUMN]! ? TYPE_COLUMN : FILESYSTEM_COLUMN;
    if (widths[column]! <= MIN_TEXT_COLUMN) break;
    widths[column]!--;
  }
  return [HEADINGS, ...rows].map((row) =>
    row
      .flatMap((cell, column) => {
        const width = widths[column]!;
        if (width === 0) return [];
        const text = fitText(cell, width);
        const blanks = ' '.repeat(width - textWidth(text));
        return column <= FILESYSTEM_COLUMN ? text + blanks : blanks + text;
      })
      .join(COLUMN_GAP)
      .trimEnd(),
  );
}

/** With room for the heading; 0 for a column that is empty, as the type of a whole image is. */
function measureColumns(rows: readonly (readonly string[])[]): number[] {
  return HEADINGS.map((heading, column) => {
    const width = Math.max(...rows.map((row) => textWidth(row[column]!)));
    return width === 0 ? 0 : Math.max(width, heading.length);
  });
}

function sumWidths(widths: readonly number[]): number {
  const shown = widths.filter((width) => width > 0);
  return shown.reduce((sum, width) => sum + width, COLUMN_GAP.length * (shown.length - 1));
}

function formatRows(place: Place, type: string): readonly (readonly string[])[] {
  const { report, startByte, endByte } = place;
  const size = formatHumanSize(endByte - startByte);
  const leftOut = formatHumanSize(report.leftOutBytes);
  const first = [nameOf(place).replace(/^partition /, ''), type];
  if (report.claims.length === 0) return [[...first, 'unknown', size, '', '', leftOut]];
  return report.claims.map((result, index) => {
    const { claim, whole } = result;
    const measured = measureFilesystem(result);
    const label = claim.label === undefined || claim.label === '' ? '' : ` ${quote(claim.label)}`;
    return [
      ...(index === 0 ? first : ['', '']),
      `${claim.type}${label}${whole === undefined ? '' : `, ${WHOLE_WORDS[whole]}`}`,
      index === 0 ? size : '',
      measured === undefined ? '' : formatHumanSize(measured.usedBytes),
      measured === undefined ? '' : formatHumanSize(measured.freeBytes),
      index === 0 ? leftOut : '',
    ];
  });
}

function describeType(place: Place): string {
  const { type, name } = typeOf(place);
  return name === '' ? escapeText(type) : `${escapeText(type)} ${quote(name)}`;
}

/** The name a person gave says more than the type. */
function describeTypeBriefly(place: Place): string {
  const { type, name } = typeOf(place);
  return name === '' ? escapeText(type) : quote(name);
}

function quote(text: string): string {
  return `"${escapeText(text)}"`;
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
