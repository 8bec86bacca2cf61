import type { ByteRange } from '../../ranges/byte-range.ts';
import { addNotes } from '../command-notes.ts';
import type { AddCommand } from '../program.ts';
import { crossCheckOption, keepOption, keepPartitionOption } from './shared-options.ts';

export interface SparsifyCliOptions {
  readonly dryRun?: boolean;
  readonly bmap?: string;
  readonly trustMap?: boolean;
  readonly output?: string;
  readonly fillUsed?: boolean;
  readonly keep: readonly ByteRange[];
  readonly keepPartition: readonly number[];
  readonly crossCheck?: boolean;
}

export const addSparsifyCommand: AddCommand = (program, bind) => {
  const command = program
    .command('sparsify')
    .summary('free the unused space of an image file')
    .description(
      'Punch holes into a raw disk image where the scan proves that nothing is used, so that the file takes less space on this machine.',
    )
    .argument('<image>', 'raw disk image file, not packed')
    .option('-n, --dry-run', 'make all checks, say what would be freed, change nothing')
    .option('--bmap <bmap>', 'free only what this block map leaves out as well: a path or address')
    .option('--trust-map', 'do not scan; believe the block map if its checksums fit the image')
    .option('-o, --output <file>', 'write a sparse copy to this file and leave the image as it is')
    .option('--fill-used', 'allocate used blocks that are holes, for tools that go by holes')
    .addOption(keepOption('leave alone'))
    .addOption(keepPartitionOption('leave alone all of'))
    .addOption(crossCheckOption());
  addNotes(command, {
    examples: [
      { line: 'bmap sparsify --dry-run distro.img', text: 'say how much would be freed' },
      { line: 'bmap sparsify distro.img', text: 'free it, in place' },
      { line: 'bmap sparsify -o small.img distro.img', text: 'write a sparse copy instead' },
      {
        line: 'bmap sparsify --bmap distro.bmap distro.img',
        text: 'free only what the map leaves out as well',
      },
    ],
    paragraphs: [
      'Size, owner, mode and every used byte stay as they are, used zeros included. It may be stopped at any moment and run again. Devices, and images that are mounted, attached or locked by others, are refused.',
    ],
  });
  bind<SparsifyCliOptions>(
    command,
    async () => (await import('../actions/sparsify.ts')).runSparsify,
  );
};
