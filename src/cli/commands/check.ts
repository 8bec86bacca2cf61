import { addNotes } from '../command-notes.ts';
import type { AddCommand } from '../program.ts';
import { bmapArgument, imageArgument, memberOption } from './shared-options.ts';

export interface CheckCliOptions {
  readonly member?: string;
}

export const addCheckCommand: AddCommand = (program, bind) => {
  const command = program
    .command('check')
    .summary('find out whether a block map loses data')
    .description(
      'Scan an image and compare it with a block map of it: what the map leaves out although it is used, what it could leave out more, and checksums that are not those of the image.',
    )
    .addArgument(imageArgument())
    .addArgument(bmapArgument())
    .addOption(memberOption());
  addNotes(command, {
    examples: [
      {
        line: 'bmap check distro.img distro.bmap',
        text: 'exit code 0, 5 if the map is of another image, 8 if it loses data',
      },
    ],
    paragraphs: [
      'A line for each used extent that the map leaves out: where, filesystem, kind, first block, count, in blocks of the map. Zeros behind a filesystem or outside of partitions are named, but are no loss.',
    ],
  });
  bind<CheckCliOptions>(command, async () => (await import('../actions/check.ts')).runCheck);
};
