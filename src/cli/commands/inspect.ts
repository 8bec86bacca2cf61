import { Option } from 'commander';

import type { AddCommand } from '../program.ts';

export interface InspectCliOptions {
  readonly svg?: string;
  readonly html?: string;
  readonly json?: boolean;
  readonly lean?: boolean;
  readonly gaps: 'keep' | 'data';
  readonly live?: boolean;
  readonly member?: string;
}

const EXAMPLES = `
Examples:
  bmap inspect distro.img                     show what is where, in the terminal
  bmap inspect --html distro.html distro.img  write a page to open in a browser
  bmap inspect --svg distro.svg distro.img    write a drawing
  bmap inspect --json distro.img              the report for programs, with bytes by kind

The files need nothing from outside and hold no script. Colours are off with NO_COLOR=1, and where
the output is no terminal.`;

export const addInspectCommand: AddCommand = (program, bind) => {
  const command = program
    .command('inspect')
    .summary('show what is in an image, and where')
    .description(
      'Scan a disk image or block device, and show its partitions and filesystems: what they are, what they use, where it lies, and what a block map leaves out. Changes nothing. The image may be anything that bmap scan takes.',
    )
    .argument(
      '<image>',
      'disk image or block device, compressed or not; an address; - for standard input',
    )
    .option('--svg <file>', 'also write the picture as SVG')
    .option('--html <file>', 'also write the picture and all facts as one HTML page')
    .option('--json', 'print the report as JSON')
    .option('--lean', 'show as left out the unused ends of ext4 inode tables')
    .addOption(
      new Option(
        '--gaps <policy>',
        'space outside of partitions above 64 MiB: keep all, or data only',
      )
        .choices(['keep', 'data'])
        .default('keep'),
    )
    .option('--live', 'scan although the image is in use')
    .option('--member <name>', 'the image in an archive of several')
    .addHelpText('after', EXAMPLES);
  bind<InspectCliOptions>(command, async () => (await import('../actions/inspect.ts')).runInspect);
};
