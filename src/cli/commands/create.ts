import type { AddCommand } from '../program.ts';

export interface CreateCliOptions {
  readonly output?: string;
  readonly checksum: boolean;
}

const EXAMPLES = `
Examples:
  bmap create distro.img > distro.bmap    write a block map of the file's holes
  bmap create -o distro.bmap distro.img   the same, written whole or not at all

The map follows the holes of the file on this machine, not what is inside of the image: an image that was
copied without its holes has none, and zeros that were written are no holes. "bmap scan --bmap" reads
the filesystems instead.`;

export const addCreateCommand: AddCommand = (program, bind) => {
  const command = program
    .command('create')
    .summary('write a block map of the holes of a sparse file')
    .description(
      'Write a block map that leaves out the holes of a sparse image file, as bmaptool does. The map goes to standard output.',
    )
    .argument('<image>', 'sparse image file')
    .option('-o, --output <file>', 'write the block map to this file')
    .option('--no-checksum', 'write a block map without checksums of its ranges')
    .addHelpText('after', EXAMPLES);
  bind<CreateCliOptions>(command, async () => (await import('../actions/create.ts')).runCreate);
};
