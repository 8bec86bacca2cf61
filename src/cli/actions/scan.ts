import { buildBmap } from '../../bmap/build-bmap.ts';
import { UsageError } from '../../errors/errors.ts';
import { MAP_BLOCK_BYTES } from '../../scan/agree.ts';
import { scanFile, type ScannedFile } from '../../scan/scan-file.ts';
import type { ScanReport } from '../../scan/scan-image.ts';
import type { ScanCliOptions } from '../commands/scan.ts';
import { deliverBmap } from '../files/deliver-bmap.ts';
import { EXIT } from '../exit-codes.ts';
import { openImageArgument } from '../files/open-image-argument.ts';
import { ProgressBar } from '../terminal/progress-bar.ts';
import type { Action, CommandContext } from '../program.ts';
import { formatReportJson } from '../report/report-json.ts';
import { formatReportLines } from '../report/report-text.ts';
import { assertWritableOutput } from '../files/write-whole-file.ts';

export const runScan: Action<ScanCliOptions> = async (context, [path = ''], options) => {
  if (options.json === true && options.bmap === true && options.output === undefined) {
    throw new UsageError(
      'json-and-bmap',
      '--json and --bmap both write to standard output; give the map a file with -o',
    );
  }
  if (options.lean === true && options.crossCheck === true) {
    throw new UsageError(
      'lean-and-cross-check',
      '--lean leaves out what --cross-check would map again; use one of them',
    );
  }
  if (options.output !== undefined) assertWritableOutput(options.output, path);
  const image = await openImageArgument(path, context, options);
  const scanned = await scanFile(image, {
    lean: options.lean ?? false,
    gaps: options.gaps,
    keepRanges: options.keep,
    keepPartitions: options.keepPartition,
    crossCheck: options.crossCheck ?? false,
  });
  try {
    return await answer(context, scanned, options);
  } finally {
    scanned.reader.close();
  }
};

/** Prints what was asked for. @returns the exit code. */
async function answer(
  context: CommandContext,
  { report, reader }: ScannedFile,
  options: ScanCliOptions,
): Promise<number> {
  const { terminal } = context;
  const { path } = reader;
  terminal.debug(`read ${reader.cost.bytesRead} bytes of metadata in ${reader.cost.reads} reads`);

  const wantsBmap = options.bmap === true || options.output !== undefined;
  const exitCode = options.strict === true ? strictExitCode(report) : EXIT.ok;
  const lines = formatReportLines(path, report);
  const isReportOnStdout = !wantsBmap && options.json !== true;
  if (!isReportOnStdout) for (const line of lines) terminal.info(line);
  for (const finding of report.findings) terminal.finding(finding);
  if (isReportOnStdout) await terminal.writeOut(`${lines.join('\n')}\n`);
  if (options.json === true) await terminal.writeOut(formatReportJson(path, report, reader.cost));
  if (exitCode !== EXIT.ok) {
    terminal.error('not every filesystem could be used, and --strict is set; no map is written');
    return exitCode;
  }
  if (wantsBmap) await writeBmap(context, { report, reader }, options);
  else reader.assertUnchanged();
  return EXIT.ok;
}

async function writeBmap(
  { terminal, signal }: CommandContext,
  { report, reader }: ScannedFile,
  options: ScanCliOptions,
): Promise<void> {
  const progress = new ProgressBar(terminal, 'hashing');
  const bmap = await buildBmap({
    fileDescriptor: reader.fileDescriptor,
    path: reader.path,
    imageSizeBytes: report.imageBytes,
    blockSizeBytes: MAP_BLOCK_BYTES,
    mapped: report.mapped,
    withChecksums: options.checksum,
    onProgress: progress.update,
    signal,
  }).finally(() => progress.finish());
  reader.assertUnchanged();
  await deliverBmap(terminal, options.output, bmap);
}

/** 3 if damage made something be mapped whole, else 4 if a lack of ours did, else 0. */
function strictExitCode({ table, volumes }: ScanReport): number {
  const reasons = new Set<string>(
    volumes.flatMap(({ claims }) => claims.map(({ whole }) => whole ?? '')),
  );
  // The table says by the level of its findings why it is not trusted.
  const levels = new Set(table.isTrusted ? [] : table.findings.map(({ level }) => level));
  if (reasons.has('damage') || levels.has('error')) return EXIT.corrupt;
  if (reasons.has('unsupported') || levels.has('warning')) return EXIT.unsupported;
  return EXIT.ok;
}
