/** The pieces that the page and the drawing share: the whole disk to scale, the legend, one place. */
import { formatHumanSize, formatPercent } from '../bmap/human-size.ts';
import type { DiskPicture, Place } from './disk-picture.ts';
import { escapeMarkup } from './escape-markup.ts';
import { nameOf, typeOf } from './facts.ts';
import { KIND_STYLES } from './picture-kinds.ts';
import { drawSkyline, round, type Box } from './skyline.ts';
import { fitText } from './text-width.ts';

/** Units of every drawing from edge to edge. */
export const DRAWING_WIDTH = 1000;
const TRACK_HEIGHT = 24;
const AXIS_HEIGHT = 22;
const TICK_COUNT = 4;
/** Of a letter, more than on average; wide ones count twice. Labels are cut to what surely fits. */
const CHARACTER_WIDTH = 7.4;

/** Where the partition's place in the document is, for links. */
export function anchorOf(place: Place): string {
  return `place-${place.report.volume.index}`;
}

/** Partitions above, what is in them below, and an axis. @returns the elements and their height. */
export function drawDisk(
  picture: DiskPicture,
  { x, y, width, height }: Box,
): { readonly elements: string; readonly height: number } {
  const { layers, imageBytes, places } = picture;
  const sky = { x, y: y + TRACK_HEIGHT, width, height };
  const range = { startByte: 0, endByte: imageBytes };
  const elements = [
    ...places.map((place) =>
      drawTrack(place, {
        x: round(x + (place.startByte / imageBytes) * width),
        y,
        width: round(((place.endByte - place.startByte) / imageBytes) * width),
        height: TRACK_HEIGHT,
      }),
    ),
    drawSkyline(layers, range, sky),
    drawFrame(sky),
    drawAxis(imageBytes, sky),
  ];
  return { elements: elements.join('\n'), height: TRACK_HEIGHT + height + AXIS_HEIGHT };
}

/** A partition as a link to its own part of the document. */
function drawTrack(place: Place, box: Box): string {
  const { report, startByte, endByte } = place;
  const figures = [
    titleOf(place),
    `${formatHumanSize(endByte - startByte)}, from ${formatHumanSize(startByte)} to ${formatHumanSize(endByte)}`,
    `mapped ${formatHumanSize(report.mappedBytes)}, left out ${formatHumanSize(report.leftOutBytes)}`,
  ].join('\n');
  const short = nameOf(place).replace('partition ', '');
  const labels = [titleOf(place), `${short}: ${systemsOf(place)}`, nameOf(place), short];
  const label = labels.find((text) => cutText(text, box.width - 8) === text) ?? '';
  return (
    `<a href="#${anchorOf(place)}"><title>${figures.split('\n').map(escapeMarkup).join('&#10;')}</title>` +
    `<rect class="partition" x="${box.x}" y="${box.y}" width="${box.width}" height="${box.height}"/>` +
    `<text x="${round(box.x + 5)}" y="${box.y + 16}">${escapeMarkup(label)}</text></a>`
  );
}

/** For example `partition 2: Linux root (x86-64) "root", ext4 "system"`. */
export function titleOf(place: Place): string {
  return `${nameOf(place)}: ${describePlace(place)}`;
}

/** What the table and the filesystems say: `Linux root (x86-64) "root", ext4 "system"`. */
export function describePlace(place: Place): string {
  const { type, name } = typeOf(place);
  const table = name === '' ? type : `${type} "${name}"`;
  return table === '' ? systemsOf(place) : `${table}, ${systemsOf(place)}`;
}

function systemsOf({ report }: Place): string {
  if (report.claims.length === 0) return 'unknown';
  const systems = report.claims.map(({ claim }) =>
    claim.label === undefined || claim.label === '' ? claim.type : `${claim.type} "${claim.label}"`,
  );
  return systems.join(' + ');
}

/** Cut, with a mark, to what surely fits. Escape it afterwards. */
export function cutText(text: string, width: number): string {
  return fitText(text, Math.floor(width / CHARACTER_WIDTH));
}

export function drawFrame({ x, y, width, height }: Box): string {
  return `<rect class="frame" x="${x}" y="${y}" width="${width}" height="${height}" pointer-events="none"/>`;
}

function drawAxis(imageBytes: number, sky: Box): string {
  const bottom = sky.y + sky.height;
  return Array.from({ length: TICK_COUNT + 1 }, (_, tick) => {
    const x = round(sky.x + (sky.width * tick) / TICK_COUNT);
    const anchor = tick === 0 ? 'start' : tick === TICK_COUNT ? 'end' : 'middle';
    const size = formatHumanSize(Math.round((imageBytes * tick) / TICK_COUNT));
    return (
      `<line class="tick" x1="${x}" y1="${bottom}" x2="${x}" y2="${bottom + 5}"/>` +
      `<text class="soft" x="${x}" y="${bottom + 17}" text-anchor="${anchor}">${size}</text>`
    );
  }).join('\n');
}

export interface LegendEntry {
  readonly kind: string;
  readonly words: string;
  /** For example `4.0 MiB, 6.2%`; without the share where it would be `0.0%`. */
  readonly figures: string;
}

/** The kinds that occur, with their figures. */
export function listLegend(tally: Float64Array): readonly LegendEntry[] {
  const all = tally.reduce((sum, bytes) => sum + bytes, 0);
  return KIND_STYLES.flatMap(({ kind, words }, index) => {
    const bytes = tally[index]!;
    if (bytes === 0) return [];
    const share = bytes * 1000 < all ? '' : `, ${formatPercent(bytes, all)}`;
    return [{ kind, words, figures: `${formatHumanSize(bytes)}${share}` }];
  });
}
