import type { ByteRange } from '../../ranges/byte-range.ts';
import { collectNumber, collectRange } from '../parse-options.ts';
import type { AddCommand } from '../program.ts';

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

const EXAMPLES = `
Examples:
  bmap sparsify --dry-run distro.img               say how much would be freed
  bmap sparsify distro.img                         free it, in place
  bmap sparsify -o small.img distro.img            write a sparse copy instead
  bmap sparsify --bmap distro.bmap distro.img      free only what the map leaves out as well

Size, owner, mode and every used byte stay as they are, used zeros included. It may be stopped at any moment
and run again. Devices, and images that are mounted, attached or locked by others, are refused.`;

export const addSparsifyCommand: AddCommand = (program, bind) => {
  const command = program
    .command('sparsify')
    .summary('free the unused space of an image file')
    .description(
      'Punch holes into a raw disk image where the scan proves that nothing is used, so that the file takes less space on this machine.',
    )
    .argument('<image>', 'raw disk image file')
    .option('-n, --dry-run', 'make all checks and say what would be freed; change nothing')
    .option('--bmap <file>', 'free only what this block map leaves out, too')
    .option('--trust-map', 'do not scan; believe the block map if its checksums fit the image')
    .option('-o, --output <file>', 'write a sparse copy here and leave the image as it is')
    .option('--fill-used', 'allocate used blocks that are holes, for tools that go by holes')
    .option(
      '--keep <start-end>',
      'leave this range alone (bytes, K/M/G/T; end exclusive; repeatable)',
      collectRange,
      [],
    )
    .option(
      '--keep-partition <number>',
      'leave this partition alone (repeatable)',
      collectNumber,
      [],
    )
    .option('--cross-check', 'ask e2fsprogs and fatfs too, and keep what either calls used')
    .addHelpText('after', EXAMPLES);
  bind<SparsifyCliOptions>(
    command,
    async () => (await import('../actions/sparsify.ts')).runSparsify,
  );
};
