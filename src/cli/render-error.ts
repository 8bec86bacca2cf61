import { BmapError, type TargetState } from '../errors/errors.ts';
import { escapeMessage } from './terminal/escape-text.ts';

const REPORT_TEXT =
  'This is a bug in bmap, and what it was to write is missing or not to be relied on. Please report it with the text above and, if you can, the image.';

const TARGET_STATES: Readonly<Record<TargetState, string>> = {
  untouched: 'target untouched: nothing was written to it',
  partial: 'target partial: it holds a part of the image and cannot be used as it is',
  unverified: 'target unverified: all of the image was written, but not proven to be right',
};

/** What a failed copy left of its target, as a line of its own; empty for other errors. */
export function describeTargetState({ targetState }: BmapError): string {
  return targetState === undefined ? '' : `\n${TARGET_STATES[targetState]}`;
}

/** One line for what can happen; for a bug everything that helps to find it. */
export function renderError(error: unknown): string {
  if (error instanceof BmapError) {
    return escapeMessage(`bmap: ${error.message}${describeTargetState(error)}`);
  }
  const details = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return escapeMessage(`${details}\n${REPORT_TEXT}`);
}
