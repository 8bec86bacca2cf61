import { fsyncSync, statfsSync, statSync } from 'node:fs';

import { readBlockSize } from '../../../native/block-size.ts';
import { readExtents } from '../../../native/fiemap.ts';
import { seekData, seekHole } from '../../../native/seek-hole.ts';
import { createBmap, type CreateHost } from '../../bmap/create-bmap.ts';
import { formatHumanSize } from '../../bmap/human-size.ts';
import { UsageError } from '../../errors/errors.ts';
import { readZfsParameter } from '../../host/zfs.ts';
import { describeForeignFormat } from '../../image/foreign-formats.ts';
import { FileReader } from '../../image/file-reader.ts';
import { listFilesystems } from '../../scan/list-filesystems.ts';
import { deliverBmap } from '../deliver-bmap.ts';
import { EXIT } from '../exit-codes.ts';
import { ProgressBar } from '../progress-bar.ts';
import type { AddCommand, CommandContext } from '../program.ts';
import type { Terminal } from '../terminal.ts';
import { assertWritableOutput } from '../write-whole-file.ts';

interface CreateCliOptions {
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
  bind<CreateCliOptions>(command, async (context, [path = ''], options) =>
    runCreate(context, path, options),
  );
};

/** Writes the map of `path` to where the options say. @returns the exit code. */
export async function runCreate(
  context: CommandContext,
  path: string,
  options: CreateCliOptions,
): Promise<number> {
  if (options.output !== undefined) assertWritableOutput(options.output, path);
  if (statSync(path, { throwIfNoEntry: false })?.isBlockDevice() === true) {
    const problem = `${path}: a block device has no holes; use "bmap scan --bmap" to map what is in use`;
    throw new UsageError('create-device', problem);
  }
  const reader = new FileReader(path);
  try {
    return await create(context, reader, options);
  } finally {
    reader.close();
  }
}

async function create(
  { terminal, signal }: CommandContext,
  reader: FileReader,
  options: CreateCliOptions,
): Promise<number> {
  const { path, fileDescriptor, sizeBytes } = reader;
  const progress = new ProgressBar(terminal, 'hashing');
  const bmap = await createBmap({
    fileDescriptor,
    path,
    imageSizeBytes: sizeBytes,
    withChecksums: options.checksum,
    host,
    onProgress: progress.update,
    signal,
  }).finally(() => progress.finish());
  reader.assertUnchanged();
  await deliverBmap(terminal, options.output, bmap);

  if (bmap.mappedBlockCount === bmap.blockCount) {
    terminal.warning(`all ${formatHumanSize(sizeBytes)} are mapped, no holes in '${path}'`);
    terminal.warning('was the image handled incorrectly and holes were expanded?');
  }
  if (!terminal.isQuiet) warnOfContent(terminal, reader);
  return EXIT.ok;
}

/** Holes say nothing about what a filesystem uses, and a packed image has no holes worth the name. */
function warnOfContent(terminal: Terminal, reader: FileReader): void {
  const foreign = describeForeignFormat(reader, reader.path);
  if (foreign !== undefined) terminal.warning(`${reader.path}: ${foreign.text}`);
  const found = listFilesystems(reader);
  if (found.length === 0) return;
  terminal.warning(
    `this map follows the holes of the file, but there is ${found.join(', ')}: a device that is not zeroed may end up damaged. Better: bmap scan --bmap ${reader.path}`,
  );
}

const host: CreateHost = {
  readExtents,
  seekData,
  seekHole,
  sync: ({ fileDescriptor }) => fsyncSync(fileDescriptor),
  readBlockSize: ({ fileDescriptor, path }) =>
    readBlockSize(fileDescriptor) ?? statSync(path).blksize,
  readFilesystemType: ({ path }) => statfsSync(path).type,
  readZfsParameter: () => readZfsParameter(),
};
