import { Option } from 'commander';

import { buildBmap } from '../../bmap/build-bmap.ts';
import { UsageError } from '../../errors/errors.ts';
import type { ByteRange } from '../../ranges/byte-range.ts';
import { MAP_BLOCK_BYTES } from '../../scan/agree.ts';
import { scanFile, type ScannedFile } from '../../scan/scan-file.ts';
import type { ScanReport } from '../../scan/scan-image.ts';
import { deliverBmap } from '../deliver-bmap.ts';
import { EXIT } from '../exit-codes.ts';
import { openImageArgument } from '../open-image-argument.ts';
import { collectNumber, collectRange } from '../parse-options.ts';
import { ProgressBar } from '../progress-bar.ts';
import type { AddCommand, CommandContext } from '../program.ts';
import { formatReportJson } from '../report-json.ts';
import { formatReportLines } from '../report-text.ts';
import { assertWritableOutput } from '../write-whole-file.ts';

interface ScanCliOptions {
  readonly bmap?: boolean;
  readonly output?: string;
  readonly json?: boolean;
  readonly checksum: boolean;
  readonly strict?: boolean;
  readonly keep: readonly ByteRange[];
  readonly keepPartition: readonly number[];
  readonly lean?: boolean;
  readonly gaps: 'keep' | 'data';
  readonly live?: boolean;
  readonly member?: string;
  readonly crossCheck?: boolean;
}

const EXAMPLES = `
Examples:
  bmap scan distro.img                        show what is in the image, and what could be left out
  bmap scan --bmap distro.img > distro.bmap   write a block map
  bmap scan --bmap -o distro.bmap distro.img  the same, written whole or not at all
  bmap scan --json distro.img                 the report for programs
  bmap scan --bmap distro.img.xz > distro.bmap
  bmap scan --bmap --keep 1M-2M distro.img    keep a range, whatever is found there

Everything is mapped unless a filesystem proves that it is free. Exit code 3 or 4 with --strict tells
that something had to be mapped whole.`;

export const addScanCommand: AddCommand = (program, bind) => {
  const command = program
    .command('scan')
    .summary('find out which blocks of an image are used')
    .description(
      'Read the partition tables and filesystems of a disk image or block device, and report which blocks are used. Needs no root rights and mounts nothing. The image may be compressed, in an archive, at an address (http, https, ftp, ssh, file) or on standard input; then it is unpacked into a temporary file first, in the folder that TMPDIR names.',
    )
    .argument(
      '<image>',
      'disk image or block device, compressed or not; an address; - for standard input',
    )
    .option('-b, --bmap', 'write a block map (bmap 2.0) instead of the report')
    .option('-o, --output <file>', 'write the block map to this file (implies --bmap)')
    .option('--json', 'print the report as JSON')
    .option('--no-checksum', 'write a block map without checksums of its ranges')
    .option('--strict', 'fail, and write no map, if something had to be mapped whole')
    .option(
      '--keep <start-end>',
      'map this range (bytes, K/M/G/T; end exclusive; repeatable)',
      collectRange,
      [],
    )
    .option('--keep-partition <number>', 'map this partition whole (repeatable)', collectNumber, [])
    .option('--lean', 'leave out the unused ends of ext4 inode tables')
    .addOption(
      new Option(
        '--gaps <policy>',
        'space outside of partitions above 64 MiB: keep all, or data only',
      )
        .choices(['keep', 'data'])
        .default('keep'),
    )
    .option('--live', 'scan although the image is in use; what is in use is mapped whole')
    .option('--member <name>', 'the image in an archive of several')
    .option('--cross-check', 'compare with e2fsprogs and fatfs, and map what either calls used')
    .addHelpText('after', EXAMPLES);
  bind<ScanCliOptions>(command, async (context, [path = ''], options) => {
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
  });
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
