import { checkBmap, type CheckReport } from '../../check/check-bmap.ts';
import { UsageError } from '../../errors/errors.ts';
import type { CheckCliOptions } from '../commands/check.ts';
import { escapeText } from '../terminal/escape-text.ts';
import { formatCheckLines } from '../report/check-text.ts';
import { EXIT } from '../exit-codes.ts';
import { openImageArgument } from '../files/open-image-argument.ts';
import { ProgressBar } from '../terminal/progress-bar.ts';
import type { Action } from '../program.ts';
import { readMap } from '../files/read-map.ts';

export const runCheck: Action<CheckCliOptions> = async (
  context,
  [path = '', mapPath = ''],
  options,
) => {
  const { terminal, signal } = context;
  if (path === '-' && mapPath === '-') {
    throw new UsageError('stdin-twice', 'image and map cannot both come from standard input');
  }
  const bmap = await readMap(mapPath, context);
  const image = await openImageArgument(path, context, options);
  const progress = new ProgressBar(terminal, 'comparing');
  const report = await checkBmap(image, bmap, { onProgress: progress.update, signal }).finally(() =>
    progress.finish(),
  );
  for (const finding of report.findings) terminal.finding(finding);
  if (report.uncheckedCount > 0) {
    terminal.warning(`${report.uncheckedCount} ranges of the map have no checksum`);
  }
  const lines = formatCheckLines(escapeText(mapPath), report, bmap.blockSizeBytes);
  await terminal.writeOut(`${lines.join('\n')}\n`);
  return exitCodeOfReport(report);
};

/** Lost data weighs more than a mismatch. */
function exitCodeOfReport({ lost, mismatches, imageBytes, mapImageBytes }: CheckReport): number {
  if (lost.length > 0) return EXIT.losesData;
  return mismatches.length > 0 || imageBytes !== mapImageBytes ? EXIT.mismatch : EXIT.ok;
}
