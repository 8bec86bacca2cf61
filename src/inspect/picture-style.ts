/** Colours of both kinds of paper, and the stripes, as a style sheet and patterns that it names. */
import { KIND_STYLES } from './picture-kinds.ts';

const LIGHT = {
  paper: '#ffffff',
  ink: '#1b2430',
  soft: '#5d6878',
  line: '#c4cbd6',
  band: '#f5f7fa',
};
const DARK = {
  paper: '#12161c',
  ink: '#e6ebf2',
  soft: '#9aa7b8',
  line: '#3c4654',
  band: '#191f27',
};

/** Rules for every drawing, in a page or alone. */
export const PICTURE_CSS = `
:root { color-scheme: light dark; ${variables('light', LIGHT)} }
@media screen and (prefers-color-scheme: dark) { :root { ${variables('dark', DARK)} } }
svg { font-family: system-ui, sans-serif; font-size: 12px; }
svg text { fill: var(--ink); }
svg .soft { fill: var(--soft); }
svg .title { font-size: 17px; font-weight: 600; }
svg .name { font-weight: 600; }
svg .paper { fill: var(--paper); }
svg .frame { fill: none; stroke: var(--line); }
svg .tick { stroke: var(--line); }
svg .partition { fill: var(--band); stroke: var(--line); }
svg .figures { fill: transparent; }
svg .figures:hover { fill: var(--ink); fill-opacity: 0.14; }
svg a:hover .partition, svg a:focus .partition { stroke: var(--ink); stroke-width: 2; }
svg a:focus { outline: none; }
svg g:target .frame { stroke: var(--ink); stroke-width: 2; }
${KIND_STYLES.map(kindRule).join('\n')}
* { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
`.trim();

/** To be put once into a document, before the first drawing that uses a striped kind. */
export const STRIPE_PATTERNS = `<defs>${KIND_STYLES.filter(({ isStriped }) => isStriped)
  .map(
    ({ kind }, index) =>
      `<pattern id="stripes-${kind}" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(${45 + index * 45})">` +
      `<rect width="6" height="6" fill="var(--k-${kind})"/><rect width="2" height="6" fill="var(--paper)" fill-opacity="0.55"/></pattern>`,
  )
  .join('')}</defs>`;

function variables(paper: 'light' | 'dark', colors: Readonly<Record<string, string>>): string {
  const own = Object.entries(colors).map(([name, color]) => `--${name}: ${color};`);
  return [...own, ...KIND_STYLES.map((style) => `--k-${style.kind}: ${style[paper]};`)].join(' ');
}

function kindRule({ kind, isStriped }: (typeof KIND_STYLES)[number]): string {
  return `.k-${kind} { fill: ${isStriped ? `url(#stripes-${kind})` : `var(--k-${kind})`}; }`;
}
