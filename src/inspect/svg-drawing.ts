/**
 * The picture as one SVG file: the disk to scale, a legend, and every partition drawn out to full
 * width. Needs nothing from outside, and holds no script.
 */
import { formatHumanSize } from '../bmap/human-size.ts';
import {
  anchorOf,
  cutText,
  DRAWING_WIDTH,
  drawDisk,
  drawFrame,
  listLegend,
  titleOf,
} from './disk-drawing.ts';
import type { DiskPicture, Place } from './disk-picture.ts';
import { escapeMarkup } from './escape-markup.ts';
import { describeTable } from './facts.ts';
import { PICTURE_CSS, STRIPE_PATTERNS } from './picture-style.ts';
import { drawSkyline } from './skyline.ts';

const MARGIN = 20;
const DISK_HEIGHT = 90;
const PLACE_HEIGHT = 40;
/** From the baseline of a partition's title to that of the next. */
const PLACE_STEP = 74;
/** What the figures beside it leave to a partition's title. */
const TITLE_WIDTH = 640;
/** The name of the image is set larger than the rest by this. */
const TITLE_SCALE = 0.65;
const LEGEND_COLUMNS = 4;
const LEGEND_STEP = 20;

/** @param name of the image, as the user gave it. @returns the file; some 100 KiB at most each place. */
export function formatSvg(name: string, picture: DiskPicture): string {
  const { report, imageBytes, places } = picture;
  const width = DRAWING_WIDTH - 2 * MARGIN;
  const leftOut = imageBytes - report.mapped.lengthBytes;
  const disk = drawDisk(picture, { x: MARGIN, y: 72, width, height: DISK_HEIGHT });
  const legendTop = 72 + disk.height + 24;
  const legend = drawLegend(picture, legendTop, width);
  const placesTop = legendTop + legend.height + 18;
  const height = placesTop + places.length * PLACE_STEP;
  const facts = `${formatHumanSize(imageBytes)}, ${describeTable(report)}; left out ${formatHumanSize(leftOut)}`;
  return [
    `<?xml version="1.0" encoding="UTF-8"?>`,
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${DRAWING_WIDTH} ${height}" width="${DRAWING_WIDTH}" height="${height}" role="img">`,
    `<title>${escapeMarkup(name)}</title>`,
    `<style>${PICTURE_CSS}</style>`,
    STRIPE_PATTERNS,
    `<rect class="paper" width="${DRAWING_WIDTH}" height="${height}"/>`,
    `<text class="title" x="${MARGIN}" y="32">${escapeMarkup(cutText(name, width * TITLE_SCALE))}</text>`,
    `<text class="soft" x="${MARGIN}" y="54">${escapeMarkup(facts)}</text>`,
    disk.elements,
    legend.elements,
    ...places.map((place, index) =>
      drawPlace(picture, place, placesTop + index * PLACE_STEP, width),
    ),
    '</svg>',
    '',
  ].join('\n');
}

function drawLegend(
  { tally }: DiskPicture,
  top: number,
  width: number,
): { readonly elements: string; readonly height: number } {
  const entries = listLegend(tally);
  const elements = entries.map(({ kind, words, figures }, index) => {
    const x = MARGIN + (index % LEGEND_COLUMNS) * (width / LEGEND_COLUMNS);
    const y = top + Math.floor(index / LEGEND_COLUMNS) * LEGEND_STEP;
    return (
      `<rect class="k-${kind}" x="${x}" y="${y - 10}" width="12" height="12"/>` +
      `<rect class="frame" x="${x}" y="${y - 10}" width="12" height="12"/>` +
      `<text x="${x + 18}" y="${y}">${words} <tspan class="soft">${figures}</tspan></text>`
    );
  });
  return {
    elements: elements.join('\n'),
    height: Math.ceil(entries.length / LEGEND_COLUMNS) * LEGEND_STEP,
  };
}

function drawPlace(picture: DiskPicture, place: Place, y: number, width: number): string {
  const { report, startByte, endByte } = place;
  const box = { x: MARGIN, y: y + 8, width, height: PLACE_HEIGHT };
  const size = formatHumanSize(endByte - startByte);
  const figures = `${size}, mapped ${formatHumanSize(report.mappedBytes)}, left out ${formatHumanSize(report.leftOutBytes)}`;
  return [
    `<g id="${anchorOf(place)}">`,
    `<text class="name" x="${MARGIN}" y="${y}">${escapeMarkup(cutText(titleOf(place), TITLE_WIDTH))}</text>`,
    `<text class="soft" x="${MARGIN + width}" y="${y}" text-anchor="end">${figures}</text>`,
    drawSkyline(picture.layers, place, box),
    drawFrame(box),
    '</g>',
  ].join('\n');
}
