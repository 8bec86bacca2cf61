import { addNotes } from '../command-notes.ts';
import type { AddCommand } from '../program.ts';
import { bmapArgument } from './shared-options.ts';

export interface VerifyCliOptions {
  readonly zeros?: boolean;
}

export const addVerifyCommand: AddCommand = (program, bind) => {
  const command = program
    .command('verify')
    .summary('compare a device or file with a block map')
    .description(
      'Read every mapped range of a block device or file and compare it with the checksum in the block map.',
    )
    .argument('<target>', 'block device or file that an image was written to')
    .addArgument(bmapArgument())
    .option('--zeros', 'demand zeros in all blocks of the image that are not mapped');
  addNotes(command, {
    examples: [
      {
        line: 'bmap verify /dev/sdX distro.bmap',
        text: 'is the image on the card, all of it?',
      },
      {
        line: 'bmap verify --zeros /dev/sdX distro.bmap',
        text: 'and nothing else in its place?',
      },
    ],
    paragraphs: [
      'Reads a device itself, not what the system remembers of it, which needs root rights. Exit code 5 if a range is bad; each is listed.',
    ],
  });
  bind<VerifyCliOptions>(command, async () => (await import('../actions/verify.ts')).runVerify);
};
