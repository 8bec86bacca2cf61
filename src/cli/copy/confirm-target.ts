/** Asks before a disk with something on it is overwritten, where somebody is there to answer. */
import { closeSync, openSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { ReadStream } from 'node:tty';

import type { TargetFacts } from '../../copy/target/target-guard.ts';
import { BmapError } from '../../errors/errors.ts';
import { openImage } from '../../scan/open-image.ts';
import { decideMapping, surveyImage } from '../../scan/scan-image.ts';
import { describeTarget } from './copy-messages.ts';
import { escapeMessage } from '../terminal/escape-text.ts';
import { formatReportLines } from '../report/report-text.ts';
import type { Terminal } from '../terminal/terminal.ts';

/** @returns false if a person was asked and did not say yes. */
export async function confirmTarget(
  target: TargetFacts,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<boolean> {
  if (!process.stderr.isTTY) return true;
  const contents = await describeContents(target.path);
  if (contents.length === 0) return true;
  const keyboard = openKeyboard();
  if (keyboard === undefined) return true;
  for (const line of contents) terminal.warning(line);
  const asking = createInterface({ input: keyboard, output: process.stderr });
  try {
    const question = `Overwrite ${describeTarget(target)}? Type yes: `;
    const answer = await asking.question(escapeMessage(question), { signal });
    return answer.trim().toLowerCase() === 'yes';
  } finally {
    asking.close();
    keyboard.destroy();
  }
}

/** Lines about partitions and filesystems on the device; none if it holds nothing known. */
async function describeContents(device: string): Promise<readonly string[]> {
  try {
    const image = openImage(device);
    try {
      const options = { lean: false, gaps: 'keep', liveRanges: image.liveRanges } as const;
      const survey = await surveyImage(image.reader, {
        ...options,
        keepRanges: [],
        keepPartitions: [],
      });
      const report = decideMapping(survey);
      const isKnown =
        report.table.partitions.length > 0 ||
        report.volumes.some(({ claims }) => claims.length > 0);
      return isKnown ? formatReportLines(device, report).slice(0, -1) : [];
    } finally {
      image.reader.close();
    }
  } catch (error) {
    if (!(error instanceof BmapError)) throw error;
    // What cannot be told apart may be precious as well.
    return [error.message];
  }
}

/** Standard input may be the image, so the terminal itself is asked. */
function openKeyboard(): ReadStream | undefined {
  let fileDescriptor: number;
  try {
    fileDescriptor = openSync('/dev/tty', 'r');
  } catch {
    // Nobody is there.
    return undefined;
  }
  try {
    return new ReadStream(fileDescriptor);
  } catch (error) {
    closeSync(fileDescriptor);
    throw error;
  }
}
