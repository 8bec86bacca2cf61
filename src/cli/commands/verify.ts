import { verifyTarget } from '../../check/verify-target.ts';
import { countMappedBlocks } from '../../bmap/bmap.ts';
import { formatBadLines } from '../check-text.ts';
import { escapeText } from '../escape-text.ts';
import { EXIT } from '../exit-codes.ts';
import { ProgressBar } from '../progress-bar.ts';
import type { AddCommand } from '../program.ts';
import { readMap } from '../read-map.ts';

interface VerifyCliOptions {
  readonly zeros?: boolean;
}

const EXAMPLES = `
Examples:
  bmap verify /dev/sdX distro.bmap            is the image on the card, all of it?
  bmap verify --zeros /dev/sdX distro.bmap    and nothing else in its place?

Reads a device itself, not what the system remembers of it, which needs root rights. Exit code 5 if a range
is bad; each is listed.`;

export const addVerifyCommand: AddCommand = (program, bind) => {
  const command = program
    .command('verify')
    .summary('compare a device or file with a block map')
    .description(
      'Read every mapped range of a device or file and compare it with the checksum in the block map.',
    )
    .argument('<target>', 'block device or file')
    .argument('<bmap>', 'block map, a path or address')
    .option('--zeros', 'demand zeros in all blocks of the image that are not mapped')
    .addHelpText('after', EXAMPLES);
  bind<VerifyCliOptions>(command, async (context, [path = '', mapPath = ''], { zeros = false }) => {
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
  });
};
