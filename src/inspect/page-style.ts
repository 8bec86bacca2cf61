/** How the HTML page looks around its drawings. */
export const PAGE_CSS = `
body { margin: 0 auto; padding: 1.5rem; max-width: 1100px; background: var(--paper); color: var(--ink);
  font: 15px/1.45 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.4rem; margin: 0; }
h2 { font-size: 1.1rem; margin: 1.6rem 0 0.4rem; }
p { margin: 0.3rem 0 1rem; }
a { color: inherit; }
.soft { color: var(--soft); }
.patterns { position: absolute; }
body > svg, .place > svg { display: block; width: 100%; height: auto; }
.legend { display: grid; grid-template-columns: repeat(auto-fill, minmax(13.5rem, 1fr)); gap: 0.2rem 1rem; margin: 0.6rem 0 1rem; padding: 0; list-style: none; font-size: 0.87rem; }
.legend svg { vertical-align: -2px; margin-right: 0.4rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; margin: 0.4rem 0 1.2rem; font-size: 0.92rem; overflow-wrap: normal; }
th { text-align: left; font-weight: 600; color: var(--soft); }
th, td { padding: 0.3rem 0.9rem 0.3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td { overflow-wrap: anywhere; min-width: 6rem; }
.size { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; padding-right: 0; padding-left: 0.9rem; }
details { border: 1px solid var(--line); border-radius: 6px; margin: 0.5rem 0; }
summary { padding: 0.5rem 0.8rem; cursor: pointer; background: var(--band); border-radius: 6px; }
summary:focus-visible, a:focus-visible { outline: 2px solid var(--ink); outline-offset: 2px; }
.place { padding: 0.8rem; scroll-margin-top: 4rem; }
.facts { display: flex; flex-wrap: wrap; gap: 0.5rem 3rem; }
dl { display: grid; grid-template-columns: max-content minmax(8rem, 30rem); gap: 0.1rem 1rem; margin: 0; align-content: start; font-size: 0.92rem; }
dt { color: var(--soft); }
dd { margin: 0; }
.findings { padding-left: 1.2rem; }
.findings .error code { color: var(--k-bad); }
@media print {
  html { font-size: 11px; }
  body { padding: 0; max-width: none; font-size: 11px; }
  details { break-inside: avoid; }
  details::details-content { display: block; content-visibility: visible; height: auto; }
}
`.trim();
