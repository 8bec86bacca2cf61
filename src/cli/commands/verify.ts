import type { AddCommand } from '../program.ts';

export interface VerifyCliOptions {
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
  bind<VerifyCliOptions>(command, async () => (await import('../actions/verify.ts')).runVerify);
};
