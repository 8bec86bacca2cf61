import { addNotes } from '../command-notes.ts';
import type { AddCommand } from '../program.ts';
import { gapsOption, imageArgument, memberOption } from './shared-options.ts';

export interface InspectCliOptions {
  readonly svg?: string;
  readonly html?: string;
  readonly json?: boolean;
  readonly lean?: boolean;
  readonly gaps: 'keep' | 'data';
  readonly live?: boolean;
  readonly member?: string;
}

export const addInspectCommand: AddCommand = (program, bind) => {
  const command = program
    .command('inspect')
    .summary('show what is in an image, and where')
    .description(
      'Scan a disk image or block device, and show its partitions and filesystems: what they are, what they use, where it lies, and what a block map leaves out. Changes nothing.',
    )
    .addArgument(imageArgument())
    .option('--svg <file>', 'also write the picture as SVG')
    .option('--html <file>', 'also write the picture and all facts as one HTML page')
    .option('--json', 'print the report as JSON')
    .option('--lean', 'show as left out the unused ends of ext4 inode tables')
    .addOption(gapsOption())
    .option('--live', 'scan although the image is in use; what is in use is shown as mapped whole')
    .addOption(memberOption());
  addNotes(command, {
    examples: [
      {
        line: 'bmap inspect distro.img',
        text: 'show what is where, in the terminal',
      },
      {
        line: 'bmap inspect --html distro.html distro.img',
        text: 'write a page to open in a browser',
      },
      { line: 'bmap inspect --svg distro.svg distro.img', text: 'write a drawing' },
      {
        line: 'bmap inspect --json distro.img',
        text: 'the report for programs, with bytes by kind',
      },
    ],
    paragraphs: [
      'The files need nothing from outside and hold no script. Colours are off with NO_COLOR=1, and where the output is no terminal.',
    ],
  });
  bind<InspectCliOptions>(command, async () => (await import('../actions/inspect.ts')).runInspect);
};
