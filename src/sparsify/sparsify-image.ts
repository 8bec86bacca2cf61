/**
 * Gives the unused space of an image file back to the filesystem it lies on, in place. Nothing but holes
 * is made, and only where nothing is used, so the image is good at every moment: whoever stops this may
 * simply start it again.
 */
import { closeSync, fstatSync } from 'node:fs';

import type { OpenFile } from '../bmap/hole-map.ts';
import { InterruptedError, RefusedError, SystemError, UsageError } from '../errors/errors.ts';
import { FileReader } from '../image/file-reader.ts';
import type { RangeSet } from '../ranges/range-set.ts';
import type { ScanReport } from '../scan/scan-image.ts';
import { findUnused, type FindUnusedOptions, type Unused } from './find-unused.ts';
import {
  assertSameImage,
  assertUnused,
  assertWritable,
  guardImage,
  lockImage,
  type LockedImage,
} from './image-guard.ts';
import { planHoles, readWritten, type SparsePlan } from './plan-sparse.ts';
import { LINUX_SPARSIFY_HOST, type SparsifyHost } from './sparsify-host.ts';
import { writeZeros } from './write-zeros.ts';

/** So that a signal is answered within a moment, also for holes of terabytes. */
const PUNCH_STEP_BYTES = 2 ** 30;

/** What sparsifying may be told. */
export interface SparsifyOptions extends FindUnusedOptions {
  /** Make all checks and say what would be freed, but change nothing. Default false. */
  readonly dryRun?: boolean;
  /** Allocate the used blocks that are holes. Default false. */
  readonly fillUsed?: boolean;
  /** @internal For tests. */
  readonly host?: SparsifyHost;
}

/** What sparsifying has done, or would do after a dry run. */
export interface SparsifyReport {
  /** The size of the image, which stays. */
  readonly imageBytes: number;
  /** What the scan, or the map, or both, call unused. */
  readonly unusedBytes: number;
  /** What the image took on its disk before, as the host's filesystem says. */
  readonly allocatedBeforeBytes: number;
  /** What it takes after, or the copy takes; on a dry run, what is expected. */
  readonly allocatedAfterBytes: number;
  /** Undefined where a map was believed. */
  readonly scan: ScanReport | undefined;
}

/**
 * Punches holes into a raw image where nothing is used, so that it takes less space. Size, owner, mode and
 * every used byte stay as they are. The image is good at every moment, and this may be run again.
 * @throws {RefusedError} kinds `block-device`, `in-use`, `locked`, `no-write-permission`,
 *   `no-hole-punching`: nothing was changed.
 * @throws {InterruptedError} if the signal stopped it: what was not reached is as it was.
 * @throws {UsageError} kind `trust-without-map`.
 * @throws {MismatchError} kinds `image-size` and `range-checksum` if the map is of another image.
 * @throws {BmapError} what `scanImage` throws.
 */
export async function sparsifyImage(
  path: string,
  options: SparsifyOptions = {},
): Promise<SparsifyReport> {
  const host = options.host ?? LINUX_SPARSIFY_HOST;
  assertMapToTrust(options);
  guardImage(path, host);
  if (options.dryRun === true) return rehearse(path, options, host);
  const image = lockImage(path, host);
  try {
    const unused = await findUnused(path, options);
    try {
      return await punch(image, unused, options, host);
    } finally {
      unused.reader.close();
    }
  } catch (error) {
    if (options.signal?.aborted !== true) throw error;
    const problem = `${path}: stopped; the image is as good as before, and smaller the further this came. Run it again to go on`;
    throw new InterruptedError('interrupted', problem, { cause: error });
  } finally {
    closeSync(image.fileDescriptor);
  }
}

/** @throws {UsageError} kind `trust-without-map`. */
export function assertMapToTrust({ bmap, trustMap }: FindUnusedOptions): void {
  if (trustMap !== true || bmap !== undefined) return;
  throw new UsageError('trust-without-map', '--trust-map needs a map: --bmap FILE');
}

async function rehearse(
  path: string,
  options: SparsifyOptions,
  host: SparsifyHost,
): Promise<SparsifyReport> {
  assertWritable(path);
  const { ranges, scan, reader } = await findUnused(path, options);
  try {
    const { freedBytes } = plan(reader, ranges, host);
    const filled = options.fillUsed === true ? findUsedHoles(reader, ranges, host).lengthBytes : 0;
    reader.assertUnchanged();
    const before = readAllocatedBytes(reader);
    return {
      imageBytes: reader.sizeBytes,
      unusedBytes: ranges.lengthBytes,
      allocatedBeforeBytes: before,
      allocatedAfterBytes: Math.max(before - freedBytes, 0) + filled,
      scan,
    };
  } finally {
    reader.close();
  }
}

async function punch(
  image: LockedImage,
  { ranges, scan, reader }: Unused,
  { signal, fillUsed, onProgress }: SparsifyOptions,
  host: SparsifyHost,
): Promise<SparsifyReport> {
  const { holes } = plan(image, ranges, host);
  const zeros = fillUsed === true ? findUsedHoles(image, ranges, host) : undefined;
  const allocatedBeforeBytes = readAllocatedBytes(image);
  signal?.throwIfAborted();
  // Last of all before the first change.
  assertUnused(image.path, host);
  assertSameImage(image, reader.fileDescriptor);
  await punchHoles(image, holes, host, { signal, onProgress });
  if (zeros !== undefined) await writeZeros(image, zeros, host, signal);
  try {
    await host.flush(image.fileDescriptor);
  } catch (error) {
    throw SystemError.from(error, image.path);
  }
  return {
    imageBytes: image.sizeBytes,
    unusedBytes: ranges.lengthBytes,
    allocatedBeforeBytes,
    allocatedAfterBytes: readAllocatedBytes(image),
    scan,
  };
}

interface PunchControl {
  readonly signal: AbortSignal | undefined;
  readonly onProgress: SparsifyOptions['onProgress'];
}

async function punchHoles(
  image: LockedImage,
  holes: RangeSet,
  host: SparsifyHost,
  { signal, onProgress }: PunchControl,
): Promise<void> {
  const bytesTotal = holes.lengthBytes;
  let bytesDone = 0;
  for (const { startByte, endByte } of holes) {
    for (let atByte = startByte; atByte < endByte; atByte += PUNCH_STEP_BYTES) {
      signal?.throwIfAborted();
      const lengthBytes = Math.min(PUNCH_STEP_BYTES, endByte - atByte);
      if (!(await host.punchHole(image, atByte, lengthBytes))) throw refuseFilesystem(image);
      bytesDone += lengthBytes;
      onProgress?.(bytesDone, bytesTotal);
    }
  }
}

function refuseFilesystem({ path }: OpenFile): RefusedError {
  const problem = `${path}: its filesystem cannot punch holes into files; nothing was changed. Copy the image to one that can (ext4, XFS, btrfs, tmpfs), for example with -o`;
  return new RefusedError('no-hole-punching', problem);
}

function plan(file: LockedImage | FileReader, unused: RangeSet, host: SparsifyHost): SparsePlan {
  const { fileDescriptor, path, sizeBytes } = file;
  const hostBlockBytes = host.readBlockSize(fileDescriptor);
  return planHoles({ fileDescriptor, path, sizeBytes, unused, hostBlockBytes, calls: host });
}

/** What is used, but was not written: it reads as zeros. */
function findUsedHoles(
  { fileDescriptor, path, sizeBytes }: LockedImage | FileReader,
  unused: RangeSet,
  host: SparsifyHost,
): RangeSet {
  const used = unused.complementWithin(0, sizeBytes);
  return used.subtract(readWritten({ fileDescriptor, path }, sizeBytes, host));
}

/** Stat counts 512 bytes, whatever the filesystem's blocks. */
function readAllocatedBytes({ fileDescriptor }: { readonly fileDescriptor: number }): number {
  return fstatSync(fileDescriptor).blocks * 512;
}
