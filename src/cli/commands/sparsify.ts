import { formatHumanSize } from '../../bmap/human-size.ts';
import { UsageError } from '../../errors/errors.ts';
import type { ByteRange } from '../../ranges/byte-range.ts';
import { copySparse } from '../../sparsify/sparse-copy.ts';
import {
  sparsifyImage,
  type SparsifyOptions,
  type SparsifyReport,
} from '../../sparsify/sparsify-image.ts';
import { escapeText } from '../escape-text.ts';
import { EXIT } from '../exit-codes.ts';
import { collectNumber, collectRange } from '../parse-options.ts';
import { ProgressBar } from '../progress-bar.ts';
import type { AddCommand, CommandContext } from '../program.ts';
import { readMap } from '../read-map.ts';
import { formatReportLines } from '../report-text.ts';
import { cleanUpAtExit } from '../signals.ts';

interface SparsifyCliOptions {
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
  bind<SparsifyCliOptions>(command, async (context, [path = ''], options) => {
    assertOptionsFit(options);
    const { terminal } = context;
    const progress = new ProgressBar(
      terminal,
      options.output === undefined ? 'freeing' : 'copying',
    );
    const report = await run(context, path, options, progress).finally(() => progress.finish());
    if (report.scan !== undefined) {
      for (const line of formatReportLines(path, report.scan)) terminal.info(line);
      for (const finding of report.scan.findings) terminal.finding(finding);
    }
    await terminal.writeOut(`${formatSparsifyLine(path, report, options)}\n`);
    return EXIT.ok;
  });
};

/** What a scan would have to find out cannot be asked for where none is made. */
function assertOptionsFit({ trustMap, keep, keepPartition, crossCheck }: SparsifyCliOptions): void {
  if (trustMap !== true) return;
  if (keep.length === 0 && keepPartition.length === 0 && crossCheck !== true) return;
  const problem =
    '--trust-map makes no scan, so --keep, --keep-partition and --cross-check cannot be used with it';
  throw new UsageError('trust-and-scan', problem);
}

async function run(
  context: CommandContext,
  path: string,
  options: SparsifyCliOptions,
  progress: ProgressBar,
): Promise<SparsifyReport> {
  const bmap = options.bmap === undefined ? undefined : await readMap(options.bmap, context);
  const sparsifyOptions: SparsifyOptions = {
    ...(bmap !== undefined && { bmap }),
    trustMap: options.trustMap ?? false,
    dryRun: options.dryRun ?? false,
    fillUsed: options.fillUsed ?? false,
    keepRanges: options.keep,
    keepPartitions: options.keepPartition,
    crossCheck: options.crossCheck ?? false,
    onProgress: progress.update,
    signal: context.signal,
  };
  if (options.output === undefined) return sparsifyImage(path, sparsifyOptions);
  return copySparse(path, options.output, { ...sparsifyOptions, onCleanup: cleanUpAtExit });
}

function formatSparsifyLine(
  path: string,
  { imageBytes, allocatedBeforeBytes, allocatedAfterBytes }: SparsifyReport,
  { dryRun, output }: SparsifyCliOptions,
): string {
  const [size, before, after] = [imageBytes, allocatedBeforeBytes, allocatedAfterBytes].map(
    (bytes) => formatHumanSize(bytes),
  );
  const name = `${escapeText(path)}: ${size}, allocated`;
  const copy = output === undefined ? '' : ` in ${escapeText(output)}`;
  return dryRun === true
    ? `${name} ${before} now, about ${after} after${copy} (dry run, nothing was changed)`
    : `${name} ${before} before, ${after} after${copy}`;
}
