import { verifyTarget } from '../../check/verify-target.ts';
import { countMappedBlocks } from '../../bmap/bmap.ts';
import { formatBadLines } from '../report/check-text.ts';
import type { VerifyCliOptions } from '../commands/verify.ts';
import { escapeText } from '../terminal/escape-text.ts';
import { EXIT } from '../exit-codes.ts';
import { ProgressBar } from '../terminal/progress-bar.ts';
import type { Action } from '../program.ts';
import { readMap } from '../files/read-map.ts';

export const runVerify: Action<VerifyCliOptions> = async (
  context,
  [path = '', mapPath = ''],
  { zeros = false },
) => {
  const { terminal, signal } = context;
  const bmap = await readMap(mapPath, context);
  const progress = new ProgressBar(terminal, 'verifying');
  const { bad, uncheckedCount, findings } = await verifyTarget(path, bmap, {
    zeros,
    onProgress: progress.update,
    signal,
  }).finally(() => progress.finish());
  for (const finding of findings) terminal.finding(finding);
  if (uncheckedCount > 0) {
    terminal.warning(
      `${uncheckedCount} ranges of the map have no checksum; they were not verified`,
    );
  }
  const mapped = `${bmap.ranges.length} mapped ranges, ${countMappedBlocks(bmap.ranges)} blocks of ${bmap.blockSizeBytes} bytes`;
  const verdict = bad.length === 0 ? `as the map says: ${mapped}` : `${bad.length} bad ranges`;
  const lines = [
    ...formatBadLines(bad, bmap.blockSizeBytes),
    `${escapeText(path)}: ${verdict}${zeros && bad.length === 0 ? ', and zeros elsewhere' : ''}`,
  ];
  await terminal.writeOut(`${lines.join('\n')}\n`);
  return bad.length === 0 ? EXIT.ok : EXIT.mismatch;
};
