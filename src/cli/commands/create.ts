import { addNotes } from '../command-notes.ts';
import type { AddCommand } from '../program.ts';

export interface CreateCliOptions {
  readonly output?: string;
  readonly checksum: boolean;
}

export const addCreateCommand: AddCommand = (program, bind) => {
  const command = program
    .command('create')
    .summary('write a block map of the holes of a sparse file')
    .description(
      'Write a block map that leaves out the holes of a sparse image file, as bmaptool does.',
    )
    .argument('<image>', 'sparse image file, not packed')
    .option('-o, --output <file>', 'write the block map to this file, not to standard output')
    .option('--no-checksum', 'write a block map without checksums of its ranges');
  addNotes(command, {
    examples: [
      {
        line: 'bmap create distro.img > distro.bmap',
        text: "write a block map of the file's holes",
      },
      {
        line: 'bmap create -o distro.bmap distro.img',
        text: 'the same, written whole or not at all',
      },
    ],
    paragraphs: [
      'The map follows the holes of the file on this machine, not what is inside of the image: an image that was copied without its holes has none, and zeros that were written are no holes. "bmap scan --bmap" reads the filesystems instead.',
    ],
  });
  bind<CreateCliOptions>(command, async () => (await import('../actions/create.ts')).runCreate);
};
