/** Lines as a terminal shows them, colours included, as an SVG drawing. */

// oxlint-disable-next-line no-control-regex
const SEQUENCE = /\u001B\[([0-9;]*)m/;
const LINE_PX = 19;
const COLUMN_PX = 8.4;
const MARGIN_PX = 16;
const INK = '#d8dee9';
const PAPER = '#1c2028';

interface Look {
  readonly ink: string;
  readonly paper: string;
}

/** `lines` may hold the sequences that reset, and that set colours of the palette of 256. */
export function drawTerminal(lines: readonly string[], columns: number): string {
  const width = Math.ceil(columns * COLUMN_PX + 2 * MARGIN_PX);
  const height = lines.length * LINE_PX + 2 * MARGIN_PX;
  const rows = lines.flatMap((line, index) => drawLine(line, MARGIN_PX + index * LINE_PX));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img">
<title>bmap in a terminal</title>
<rect width="${width}" height="${height}" rx="8" fill="${PAPER}"/>
<g font-family="ui-monospace, Menlo, Consolas, monospace" font-size="14" xml:space="preserve">
${rows.join('\n')}
</g>
</svg>
`;
}

function drawLine(line: string, topPx: number): readonly string[] {
  const drawn: string[] = [];
  let column = 0;
  let look: Look = { ink: INK, paper: PAPER };
  for (const [index, part] of line.split(SEQUENCE).entries()) {
    if (index % 2 === 1) {
      look = lookOf(part);
    } else if (part !== '') {
      drawn.push(...drawSpan(part, look, column, topPx));
      column += part.length;
    }
  }
  return drawn;
}

function drawSpan(text: string, look: Look, column: number, topPx: number): readonly string[] {
  const x = (MARGIN_PX + column * COLUMN_PX).toFixed(1);
  const width = (text.length * COLUMN_PX).toFixed(1);
  const y = (topPx + 0.75 * LINE_PX).toFixed(1);
  const safe = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  const ground = `<rect x="${x}" y="${topPx}" width="${width}" height="${LINE_PX}" fill="${look.paper}"/>`;
  return [
    ...(look.paper === PAPER ? [] : [ground]),
    `<text x="${x}" y="${y}" textLength="${width}" fill="${look.ink}">${safe}</text>`,
  ];
}

/** @throws {Error} for a sequence that is not known, so that no colour is lost in silence. */
function lookOf(sequence: string): Look {
  const [, paper, ink] = /^0(?:;48;5;(\d+))?(?:;38;5;(\d+))?$/.exec(sequence) ?? [];
  if (ink === undefined && paper === undefined && sequence !== '0') {
    throw new Error(`unknown sequence ${sequence}`);
  }
  return {
    ink: ink === undefined ? INK : paletteColor(Number(ink)),
    paper: paper === undefined ? PAPER : paletteColor(Number(paper)),
  };
}

/** White, the colour cube and the greys of xterm's palette. */
function paletteColor(index: number): string {
  if (index === 15) return '#ffffff';
  if (index < 16) throw new Error(`colour ${index} is the user's own`);
  if (index >= 232) return rgb([0, 0, 0].map(() => 8 + (index - 232) * 10));
  const cube = index - 16;
  const levels = [Math.floor(cube / 36), Math.floor(cube / 6) % 6, cube % 6];
  return rgb(levels.map((level) => (level === 0 ? 0 : 55 + level * 40)));
}

function rgb(channels: readonly number[]): string {
  return `#${channels.map((channel) => channel.toString(16).padStart(2, '0')).join('')}`;
}
