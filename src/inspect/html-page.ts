/**
 * The picture as one HTML file without script: the disk to scale, a table, and every partition to be
 * opened for its own picture and facts. Well-formed as XML too, so that any tool can read it.
 */
import { formatHumanSize } from '../bmap/human-size.ts';
import type { Finding } from '../errors/finding.ts';
import {
  anchorOf,
  describePlace,
  DRAWING_WIDTH,
  drawDisk,
  drawFrame,
  listLegend,
} from './disk-drawing.ts';
import type { DiskPicture, Place } from './disk-picture.ts';
import { escapeMarkup } from './escape-markup.ts';
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
} from './facts.ts';
import { PAGE_CSS } from './page-style.ts';
import { PICTURE_CSS, STRIPE_PATTERNS } from './picture-style.ts';
import { drawSkyline } from './skyline.ts';

const DISK_HEIGHT = 110;
const PLACE_HEIGHT = 80;

/** @param name of the image, as the user gave it. @returns the file. */
export function formatHtml(name: string, picture: DiskPicture): string {
  const { report, imageBytes, places } = picture;
  const leftOut = imageBytes - report.mapped.lengthBytes;
  const title = escapeMarkup(name);
  return [
    '<!DOCTYPE html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8"/>',
    // Text from the image is escaped; should that ever fail, nothing runs and nothing is fetched.
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"/>`,
    '<meta name="viewport" content="width=device-width, initial-scale=1"/>',
    `<title>${title}</title>`,
    `<style>\n${PICTURE_CSS}\n${PAGE_CSS}\n</style>`,
    '</head>',
    '<body>',
    `<svg class="patterns" width="0" height="0" aria-hidden="true">${STRIPE_PATTERNS}</svg>`,
    `<h1>${title}</h1>`,
    `<p>${formatHumanSize(imageBytes)}, ${describeTable(report)}. The map leaves out <strong>${formatHumanSize(leftOut)}</strong>.</p>`,
    drawWholeDisk(picture),
    formatLegend(picture.tally),
    formatTable(places),
    ...missingLines(report).map((line) => `<p>${line}</p>`),
    ...places.map((place) => formatPlace(picture, place)),
    formatFindings(report.findings),
    '</body>',
    '</html>',
    '',
  ].join('\n');
}

function drawWholeDisk(picture: DiskPicture): string {
  const box = { x: 1, y: 1, width: DRAWING_WIDTH - 2, height: DISK_HEIGHT };
  const { elements, height } = drawDisk(picture, box);
  return (
    `<svg viewBox="0 0 ${DRAWING_WIDTH} ${height + 2}" role="group" aria-label="the disk to scale">` +
    `\n${elements}\n</svg>`
  );
}

function formatLegend(tally: Float64Array): string {
  const items = listLegend(tally).map(
    ({ kind, words, figures }) =>
      `<li><svg width="14" height="14" aria-hidden="true"><rect class="k-${kind}" width="14" height="14"/>` +
      `<rect class="frame" x="0.5" y="0.5" width="13" height="13"/></svg>` +
      `${words} <span class="soft">${figures}</span></li>`,
  );
  return `<ul class="legend">\n${items.join('\n')}\n</ul>`;
}

function formatTable(places: readonly Place[]): string {
  return [
    '<div class="wide"><table>',
    '<thead><tr><th>place</th><th>type</th><th>filesystem</th><th class="size">size</th><th class="size">used</th><th class="size">free</th><th class="size">left out</th></tr></thead>',
    '<tbody>',
    ...places.flatMap(formatRows),
    '</tbody>',
    '</table></div>',
  ].join('\n');
}

/** A row for each filesystem, or for a place without one. */
function formatRows(place: Place): readonly string[] {
  const { report, startByte, endByte } = place;
  const { type, name } = typeOf(place);
  const link = `<a href="#${anchorOf(place)}">${nameOf(place)}</a>`;
  const kind = escapeMarkup(name === '' ? type : `${type} "${name}"`);
  const size = formatHumanSize(endByte - startByte);
  const leftOut = formatHumanSize(report.leftOutBytes);
  if (report.claims.length === 0) {
    return [formatRow([link, kind, 'unknown'], [size, '', '', leftOut])];
  }
  return report.claims.map((result, index) => {
    const { claim, whole } = result;
    const measured = measureFilesystem(result);
    const label = claim.label === undefined || claim.label === '' ? '' : ` "${claim.label}"`;
    const note = whole === undefined ? '' : `, ${WHOLE_WORDS[whole]}`;
    const used = measured === undefined ? '' : formatHumanSize(measured.usedBytes);
    const free = measured === undefined ? '' : formatHumanSize(measured.freeBytes);
    const filesystem = escapeMarkup(`${claim.type}${label}${note}`);
    return index === 0
      ? formatRow([link, kind, filesystem], [size, used, free, leftOut])
      : formatRow(['', '', filesystem], ['', used, free, '']);
  });
}

function formatRow(texts: readonly string[], sizes: readonly string[]): string {
  const cells = texts.map((text) => `<td>${text}</td>`);
  return `<tr>${cells.join('')}${sizes.map((size) => `<td class="size">${size}</td>`).join('')}</tr>`;
}

/** The anchor is inside: following a link to it opens what holds it. */
function formatPlace(picture: DiskPicture, place: Place): string {
  const { report } = place;
  const box = { x: 1, y: 1, width: DRAWING_WIDTH - 2, height: PLACE_HEIGHT };
  return [
    '<details>',
    `<summary><strong>${nameOf(place)}</strong> ${escapeMarkup(describePlace(place))} <span class="soft">${formatHumanSize(place.endByte - place.startByte)}, left out ${formatHumanSize(report.leftOutBytes)}</span></summary>`,
    `<div class="place" id="${anchorOf(place)}">`,
    `<svg viewBox="0 0 ${DRAWING_WIDTH} ${PLACE_HEIGHT + 2}" role="img" aria-label="${nameOf(place)} to scale">`,
    drawSkyline(picture.layers, place, box),
    drawFrame(box),
    '</svg>',
    formatLegend(place.tally),
    '<div class="facts">',
    formatFacts(placeFacts(place)),
    ...report.claims.map((result) => formatFacts(filesystemFacts(result))),
    '</div>',
    '</div>',
    '</details>',
  ].join('\n');
}

function formatFacts(facts: readonly Fact[]): string {
  const rows = facts.map(([name, value]) => `<dt>${name}</dt><dd>${escapeMarkup(value)}</dd>`);
  return `<dl>${rows.join('')}</dl>`;
}

function formatFindings(findings: readonly Finding[]): string {
  if (findings.length === 0) return '';
  const items = findings.map(
    ({ level, code, text }) =>
      `<li class="${level}"><code>${escapeMarkup(code)}</code> ${escapeMarkup(text)}</li>`,
  );
  return `<h2>Findings</h2>\n<ul class="findings">\n${items.join('\n')}\n</ul>`;
}
