/** The table in the answer of `bmap inspect`: what is where, how large, and how full. */
import { formatHumanSize } from '../../bmap/human-size.ts';
import type { DiskPicture, Place } from '../../inspect/disk-picture.ts';
import { measureFilesystem, nameOf, typeOf, WHOLE_WORDS } from '../../inspect/facts.ts';
import { fitText, textWidth } from '../../inspect/text-width.ts';
import { escapeText } from '../terminal/escape-text.ts';

const HEADINGS = ['', 'type', 'filesystem', 'size', 'used', 'free', 'left out'];
/** The columns of text; the others are sizes, and stand to the right. */
const TYPE_COLUMN = 1;
const FILESYSTEM_COLUMN = 2;
const MIN_TEXT_COLUMN = 8;
const COLUMN_GAP = '  ';

/** A row for each filesystem, or for a partition without one. */
export function formatDiskTable(picture: DiskPicture, columns: number): readonly string[] {
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

/** Escaped. */
export function describeType(place: Place): string {
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
