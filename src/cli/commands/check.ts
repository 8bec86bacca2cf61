import type { AddCommand } from '../program.ts';

export interface CheckCliOptions {
  readonly member?: string;
}

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
      'Scan an image and compare it with a block map of it: what the map leaves out although it is used, what it could leave out more, and checksums that are not those of the image. The image may be anything that bmap scan takes.',
    )
    .argument(
      '<image>',
      'disk image or block device, compressed or not; an address; - for standard input',
    )
    .argument('<bmap>', 'block map, a path or address')
    .option('--member <name>', 'the image in an archive of several')
    .addHelpText('after', EXAMPLES);
  bind<CheckCliOptions>(command, async () => (await import('../actions/check.ts')).runCheck);
};
