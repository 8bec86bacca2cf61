import { checkBmap, type CheckReport } from '../../check/check-bmap.ts';
import { UsageError } from '../../errors/errors.ts';
import { escapeText } from '../escape-text.ts';
import { formatCheckLines } from '../check-text.ts';
import { EXIT } from '../exit-codes.ts';
import { openImageArgument } from '../open-image-argument.ts';
import { ProgressBar } from '../progress-bar.ts';
import type { AddCommand } from '../program.ts';
import { readMap } from '../read-map.ts';

const EXAMPLES = `
Examples:
  bmap check distro.img distro.bmap    exit code 0, 5 if the map is of another image, 8 if it loses data

A line for each used extent that the map leaves out: where, filesystem, kind, first block, count, in blocks
of the map. Zeros behind a filesystem or outside of partitions are named, but are no loss.`;

interface CheckCliOptions {
  readonly member?: string;
}

export const addCheckCommand: AddCommand = (program, bind) => {
  const command = program
    .command('check')
    .summary('find out whether a block map loses data')
    .description(
      'Scan an image and compare it with a block map of it: what the map leaves out although it is used, what it could leave out more, and checksums that are not those of the image. The image may be anything that bmap scan takes.',
    )
    .argument(
      '<image>',
      'disk image or block device, compressed or not; an address; - for standard input',
    )
    .argument('<bmap>', 'block map, a path or address')
    .option('--member <name>', 'the image in an archive of several')
    .addHelpText('after', EXAMPLES);
  bind<CheckCliOptions>(command, async (context, [path = '', mapPath = ''], options) => {
    const { terminal, signal } = context;
    if (path === '-' && mapPath === '-') {
      throw new UsageError('stdin-twice', 'image and map cannot both come from standard input');
    }
    const bmap = await readMap(mapPath, context);
    const image = await openImageArgument(path, context, options);
    const progress = new ProgressBar(terminal, 'comparing');
    const report = await checkBmap(image, bmap, { onProgress: progress.update, signal }).finally(
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
