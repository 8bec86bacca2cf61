import { formatHumanSize } from '../../bmap/human-size.ts';
import { UsageError } from '../../errors/errors.ts';
import { copySparse } from '../../sparsify/sparse-copy.ts';
import {
  sparsifyImage,
  type SparsifyOptions,
  type SparsifyReport,
} from '../../sparsify/sparsify-image.ts';
import type { SparsifyCliOptions } from '../commands/sparsify.ts';
import { escapeText } from '../terminal/escape-text.ts';
import { EXIT } from '../exit-codes.ts';
import { ProgressBar } from '../terminal/progress-bar.ts';
import type { Action, CommandContext } from '../program.ts';
import { readMap } from '../files/read-map.ts';
import { formatReportLines } from '../report/report-text.ts';
import { cleanUpAtExit } from '../signals.ts';

export const runSparsify: Action<SparsifyCliOptions> = async (context, [path = ''], options) => {
  assertOptionsFit(options);
  const { terminal } = context;
  const progress = new ProgressBar(terminal, options.output === undefined ? 'freeing' : 'copying');
  const report = await run(context, path, options, progress).finally(() => progress.finish());
  if (report.scan !== undefined) {
    for (const line of formatReportLines(path, report.scan)) terminal.info(line);
    for (const finding of report.scan.findings) terminal.finding(finding);
  }
  await terminal.writeOut(`${formatSparsifyLine(path, report, options)}\n`);
  return EXIT.ok;
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
