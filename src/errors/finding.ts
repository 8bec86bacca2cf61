/**
 * Something the user should know that does not end the run. `code` is stable and public, and every
 * code stands in the table of docs/findings.md.
 */
export interface Finding {
  /** `error`: something is damaged. `warning`: the map is larger, or less is known, than it should be. */
  readonly level: 'info' | 'warning' | 'error';
  /** For example `ext.dirty`; the part before the first point names the reader that says it. */
  readonly code: string;
  /** What, what it means for the map, and what to do, in one or two sentences. */
  readonly text: string;
  /** Where in the image, if there is one place. */
  readonly startByte?: number;
}
