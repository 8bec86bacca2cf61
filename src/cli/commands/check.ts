import { checkBmap, type CheckReport } from '../../check/check-bmap.ts';
import { escapeText } from '../escape-text.ts';
import { formatCheckLines } from '../check-text.ts';
import { EXIT } from '../exit-codes.ts';
import { ProgressBar } from '../progress-bar.ts';
import type { AddCommand } from '../program.ts';
import { readMap } from '../read-map.ts';

const EXAMPLES = `
Examples:
  bmap check distro.img distro.bmap    exit code 0, 5 if the map is of another image, 8 if it loses data

A line for each used extent that the map leaves out: where, filesystem, kind, first block, count, in blocks
of the map. Zeros behind a filesystem or outside of partitions are named, but are no loss.`;

export const addCheckCommand: AddCommand = (program, bind) => {
  const command = program
    .command('check')
    .summary('find out whether a block map loses data')
    .description(
      'Scan an image and compare it with a block map of it: what the map leaves out although it is used, what it could leave out more, and checksums that are not those of the image.',
    )
    .argument('<image>', 'raw disk image or block device')
    .argument('<bmap>', 'block map, a path or address')
    .addHelpText('after', EXAMPLES);
  bind<object>(command, async (context, [path = '', mapPath = '']) => {
    const { terminal, signal } = context;
    const bmap = await readMap(mapPath, context);
    const progress = new ProgressBar(terminal, 'comparing');
    const report = await checkBmap(path, bmap, { onProgress: progress.update, signal }).finally(
      () => progress.finish(),
    );
    for (const finding of report.findings) terminal.finding(finding);
    if (report.uncheckedCount > 0) {
      terminal.warning(`${report.uncheckedCount} ranges of the map have no checksum`);
    }
    const lines = formatCheckLines(escapeText(mapPath), report, bmap.blockSizeBytes);
    await terminal.writeOut(`${lines.join('\n')}\n`);
    return exitCodeOfReport(report);
  });
};

/** Lost data weighs more than a mismatch. */
function exitCodeOfReport({ lost, mismatches, imageBytes, mapImageBytes }: CheckReport): number {
  if (lost.length > 0) return EXIT.losesData;
  return mismatches.length > 0 || imageBytes !== mapImageBytes ? EXIT.mismatch : EXIT.ok;
}
