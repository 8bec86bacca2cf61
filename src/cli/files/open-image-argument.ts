/** The image that a command line names, wherever it is and however it is packed, open for a scan. */
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { HEAD_BYTES, hintOf, isWrapped } from '../../copy/source/formats.ts';
import { localPathOf } from '../../copy/source/location.ts';
import { SystemError } from '../../errors/errors.ts';
import type { FileReader } from '../../image/file-reader.ts';
import { RangeSet } from '../../ranges/range-set.ts';
import { assertRawImage, openImage, type OpenImage } from '../../scan/open-image.ts';
import { ProgressBar } from '../terminal/progress-bar.ts';
import type { CommandContext } from '../program.ts';

export interface OpenImageArgumentOptions {
  readonly live?: boolean;
  /** The image in an archive of several. */
  readonly member?: string | undefined;
}

/**
 * Raw files and devices are read where they are; everything else is unpacked into a temporary file
 * first. The caller closes the reader, whose `path` is the name of the image for messages.
 * @throws what `openImage`, `openSource` and `spoolImage` throw.
 */
export async function openImageArgument(
  location: string,
  context: CommandContext,
  options: OpenImageArgumentOptions = {},
): Promise<OpenImage> {
  const { live = false, member } = options;
  const file = localPathOf(location);
  const isDirect = file !== undefined && member === undefined && isReadInPlace(file);
  if (isDirect) return openImage(file, { live });
  const reader = await unpack(location, context, member);
  try {
    assertRawImage(reader, contentNameOf(reader.path));
    return { reader, liveRanges: RangeSet.empty };
  } catch (error) {
    reader.close();
    throw error;
  }
}

/** True also for what is no image at all: `openImage` has the words for it. */
function isReadInPlace(file: string): boolean {
  try {
    const stats = statSync(file, { throwIfNoEntry: false });
    if (stats?.isFile() !== true) return stats?.isFIFO() !== true;
    return !isWrapped(readHead(file), path.basename(file));
  } catch (error) {
    throw SystemError.from(error, file);
  }
}

function readHead(file: string): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  const fileDescriptor = openSync(file, 'r');
  try {
    return head.subarray(0, readSync(fileDescriptor, head, 0, HEAD_BYTES, 0));
  } finally {
    closeSync(fileDescriptor);
  }
}

async function unpack(
  location: string,
  { terminal, signal }: CommandContext,
  member: string | undefined,
): Promise<FileReader> {
  // Most images are raw; only others need all that unpacks and fetches.
  const { openSource } = await import('../../copy/source/open-source.ts');
  const { spoolImage } = await import('../../copy/source/spool-image.ts');
  const source = await openSource(location, {
    member,
    stdin: process.stdin,
    env: process.env,
    signal,
    onFinding: (finding) => terminal.finding(finding),
    onDebug: (text) => terminal.debug(text),
  });
  const progress = new ProgressBar(terminal, 'unpacking');
  try {
    const folder = tmpdir();
    terminal.debug(`unpacking ${source.name} in ${folder}`);
    return await spoolImage(source, {
      folder,
      signal,
      // Where nobody knows the size, the bar is always full and only the numbers tell.
      onProgress: (bytesDone, bytesTotal = bytesDone) => progress.update(bytesDone, bytesTotal),
    });
  } finally {
    progress.finish();
    await source.close();
  }
}

/** What a packed file would be called when it is unpacked. */
function contentNameOf(name: string): string {
  const { compression, archive } = hintOf(name);
  const isPacked = compression !== undefined || archive !== undefined;
  return isPacked ? name.replace(/\.[^./]+$/, '') : name;
}
