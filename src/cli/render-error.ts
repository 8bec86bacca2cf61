import { BmapError } from '../errors/errors.ts';
import { escapeMessage } from './escape-text.ts';

const REPORT_TEXT =
  'This is a bug in bmap, and no map was written. Please report it with the text above and, if you can, the image.';

/** One line for what can happen; for a bug everything that helps to find it. */
export function renderError(error: unknown): string {
  if (error instanceof BmapError) return escapeMessage(`bmap: ${error.message}`);
  const details = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return escapeMessage(`${details}\n${REPORT_TEXT}`);
}
