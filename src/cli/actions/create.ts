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
import type { CreateCliOptions } from '../commands/create.ts';
import { deliverBmap } from '../files/deliver-bmap.ts';
import { EXIT } from '../exit-codes.ts';
import { ProgressBar } from '../terminal/progress-bar.ts';
import type { Action, CommandContext } from '../program.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { assertWritableOutput } from '../files/write-whole-file.ts';

export const runCreate: Action<CreateCliOptions> = async (context, [path = ''], options) => {
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
};

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
  if (!terminal.isQuiet) await warnOfContent(terminal, reader);
  return EXIT.ok;
}

/** Holes say nothing about what a filesystem uses, and a packed image has no holes worth the name. */
async function warnOfContent(terminal: Terminal, reader: FileReader): Promise<void> {
  const foreign = describeForeignFormat(reader, reader.path);
  if (foreign !== undefined) terminal.warning(`${reader.path}: ${foreign.text}`);
  const found = await listFilesystems(reader);
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
