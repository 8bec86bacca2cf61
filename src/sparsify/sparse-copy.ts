/**
 * A sparse copy of an image: what is used, and holes for the rest. It appears under its name when it is
 * complete. The kernel copies, by sharing blocks where the filesystem can (XFS, btrfs); else it is read
 * and written.
 */
import {
  closeSync,
  fstatSync,
  ftruncateSync,
  openSync,
  realpathSync,
  renameSync,
  statSync,
  unlinkSync,
  type Stats,
} from 'node:fs';
import path from 'node:path';

import type { OpenFile } from '../bmap/hole-map.ts';
import {
  BmapError,
  InterruptedError,
  RefusedError,
  SystemError,
  UsageError,
} from '../errors/errors.ts';
import type { FileReader } from '../image/file-reader.ts';
import type { RangeSet } from '../ranges/range-set.ts';
import { findUnused, type Unused } from './find-unused.ts';
import { assertNoDevice } from './image-guard.ts';
import { readWritten } from './plan-sparse.ts';
import { LINUX_SPARSIFY_HOST, type SparsifyHost } from './sparsify-host.ts';
import { assertMapToTrust, type SparsifyOptions, type SparsifyReport } from './sparsify-image.ts';
import { writeSome, writeZeros } from './write-zeros.ts';

const COPY_STEP_BYTES = 2 ** 24;
const READ_BYTES = 2 ** 20;

/** What a sparse copy may be told. */
export interface SparseCopyOptions extends SparsifyOptions {
  /**
   * Given a function that removes the unfinished copy, to be called if the process ends before the copy
   * does. Returns how to forget it.
   */
  readonly onCleanup?: (cleanup: () => void) => () => void;
}

/** What goes into the copy. */
interface CopyContent {
  /** Used, and data in the image. */
  readonly data: RangeSet;
  /** Used, and a hole in the image, where these are to be filled. */
  readonly zeros: RangeSet | undefined;
}

/**
 * Writes a sparse copy of a raw image to `output`, which appears when it is complete: what is used, and
 * holes for the rest. The image is only read; used blocks that are holes in it are holes in the copy as
 * well, unless `fillUsed` is set.
 * @throws {UsageError} kinds `output-is-image`, `trust-without-map`.
 * @throws {RefusedError} kinds `block-device`, `output-is-no-file`, `in-use`.
 * @throws {InterruptedError} if the signal stopped it: no copy is left behind.
 * @throws {MismatchError} kinds `image-size` and `range-checksum` if the map is of another image.
 * @throws {BmapError} what `scanImage` throws; `SystemError` if writing fails.
 */
export async function copySparse(
  imagePath: string,
  output: string,
  options: SparseCopyOptions = {},
): Promise<SparsifyReport> {
  const host = options.host ?? LINUX_SPARSIFY_HOST;
  assertMapToTrust(options);
  assertNoDevice(imagePath);
  const target = findTarget(output, imagePath);
  const unused = await findUnused(imagePath, options);
  const { reader, ranges, scan } = unused;
  try {
    const content = findContent(unused, options, host);
    const allocatedAfterBytes =
      options.dryRun === true
        ? content.data.lengthBytes + (content.zeros?.lengthBytes ?? 0)
        : await writeCopy(reader, content, target, options, host);
    return {
      imageBytes: reader.sizeBytes,
      unusedBytes: ranges.lengthBytes,
      allocatedBeforeBytes: fstatSync(reader.fileDescriptor).blocks * 512,
      allocatedAfterBytes,
      scan,
    };
  } catch (error) {
    if (options.signal?.aborted !== true) throw error;
    throw new InterruptedError('interrupted', `${output}: stopped; no copy was made`, {
      cause: error,
    });
  } finally {
    reader.close();
  }
}

/** A link stays a link: what it leads to is replaced. */
function findTarget(output: string, imagePath: string): string {
  const found = findStats(output);
  if (found === undefined) return output;
  const image = findStats(imagePath);
  if (found.dev === image?.dev && found.ino === image.ino) {
    throw new UsageError('output-is-image', `${output}: is the image itself; name another file`);
  }
  if (found.isFile()) return realpathSync(output);
  const problem = `${output}: is not a file; to write an image to a device use "bmap copy"`;
  throw new RefusedError('output-is-no-file', problem);
}

function findStats(file: string): Stats | undefined {
  try {
    return statSync(file, { throwIfNoEntry: false });
  } catch (error) {
    throw SystemError.from(error, file);
  }
}

function findContent(
  { reader, ranges }: Unused,
  { fillUsed }: SparsifyOptions,
  host: SparsifyHost,
): CopyContent {
  const used = ranges.complementWithin(0, reader.sizeBytes);
  const written = readWritten(reader, reader.sizeBytes, host);
  return {
    data: used.intersect(written),
    zeros: fillUsed === true ? used.subtract(written) : undefined,
  };
}

/** @returns how much the copy takes on its disk. */
async function writeCopy(
  reader: FileReader,
  content: CopyContent,
  target: string,
  options: SparseCopyOptions,
  host: SparsifyHost,
): Promise<number> {
  const temporary = path.join(path.dirname(target), `.${path.basename(target)}.${process.pid}.tmp`);
  let copy: OpenFile;
  try {
    const { mode } = fstatSync(reader.fileDescriptor);
    copy = { fileDescriptor: openSync(temporary, 'wx+', mode & 0o777), path: target };
  } catch (error) {
    throw SystemError.from(error, target);
  }
  const forget = options.onCleanup?.(() => unlinkSync(temporary));
  try {
    ftruncateSync(copy.fileDescriptor, reader.sizeBytes);
    await copyRanges(reader, copy, content.data, options, host);
    if (content.zeros !== undefined) {
      await writeZeros(copy, content.zeros, host, options.signal);
    }
    await host.flush(copy.fileDescriptor);
    reader.assertUnchanged();
    const allocatedBytes = fstatSync(copy.fileDescriptor).blocks * 512;
    renameSync(temporary, target);
    return allocatedBytes;
  } catch (error) {
    unlinkSync(temporary);
    options.signal?.throwIfAborted();
    throw error instanceof BmapError ? error : SystemError.from(error, target);
  } finally {
    forget?.();
    closeSync(copy.fileDescriptor);
  }
}

async function copyRanges(
  reader: FileReader,
  copy: OpenFile,
  ranges: RangeSet,
  { signal, onProgress }: SparsifyOptions,
  host: SparsifyHost,
): Promise<void> {
  const bytesTotal = ranges.lengthBytes;
  let bytesDone = 0;
  let canKernelCopy = true;
  for (const { startByte, endByte } of ranges) {
    for (let atByte = startByte; atByte < endByte;) {
      signal?.throwIfAborted();
      const wanted = Math.min(COPY_STEP_BYTES, endByte - atByte);
      const copied: number | undefined = canKernelCopy
        ? await host.copyRange(reader, copy, atByte, wanted)
        : undefined;
      canKernelCopy = copied !== undefined;
      const count = copied ?? (await copyByHand(reader, copy, atByte, wanted, host));
      atByte += count;
      bytesDone += count;
      onProgress?.(bytesDone, bytesTotal);
    }
  }
}

async function copyByHand(
  reader: FileReader,
  copy: OpenFile,
  startByte: number,
  wantedBytes: number,
  host: SparsifyHost,
): Promise<number> {
  const bytes = reader.readAt(startByte, Math.min(wantedBytes, READ_BYTES));
  return writeSome(copy, bytes, startByte, host);
}
