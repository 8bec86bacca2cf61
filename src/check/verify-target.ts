/** Does a device or file hold what a map says? Asks the medium, not what the system remembers of it. */
import { statSync } from 'node:fs';

import { flushBuffers } from '../../native/block-device.ts';
import { dropCachedPages } from '../../native/page-cache.ts';
import { toByteRanges, type Bmap } from '../bmap/bmap.ts';
import type { OpenFile } from '../bmap/hole-map.ts';
import { findBadRanges, readRange, type BadRange } from '../bmap/verify-ranges.ts';
import { isAllZero } from '../bytes/text.ts';
import { SystemError, UsageError } from '../errors/errors.ts';
import type { Finding } from '../errors/finding.ts';
import { findImageUsers, readDeviceSize, type ImageUser } from '../host/image-users.ts';
import { FileReader } from '../image/file-reader.ts';

/** The unit in which zeros are told from data. */
const ZERO_BLOCK_BYTES = 4096;

/** What is asked of the machine; tests bring others. */
export interface VerifyHost {
  /** Writes what is cached and forgets it. */
  flushBuffers(device: OpenFile): Promise<void>;
  dropCachedPages(file: OpenFile): void;
  findUsers(path: string): readonly ImageUser[];
}

/** What a verification may be told. */
export interface VerifyTargetOptions {
  /** Demand zeros wherever the image is not mapped. Behind the end of the image nothing is looked at. */
  readonly zeros?: boolean;
  /** Called while it is read; with `zeros` a second time from 0, for what is not mapped. */
  readonly onProgress?: (bytesDone: number, bytesTotal: number) => void;
  /** Aborting rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** @internal For tests. */
  readonly host?: VerifyHost;
}

/** What `verifyTarget` found. */
export interface VerifyReport {
  /** The size of the device or file. */
  readonly targetBytes: number;
  /** Ascending. Empty if all is as the map says. */
  readonly bad: readonly BadRange[];
  /** Mapped ranges without a checksum in the map: nothing is known of them. */
  readonly uncheckedCount: number;
  /** What the reader of the report should know: who uses the target, whether its cache was emptied. */
  readonly findings: readonly Finding[];
}

const LINUX_VERIFY_HOST: VerifyHost = {
  flushBuffers,
  dropCachedPages,
  findUsers: (path) => findImageUsers(path),
};

/**
 * Compares every mapped range of a file or device with its checksum in the map. A device is read past
 * the cache, which needs root rights; without them a finding says so.
 * @param path a block device or file; it is only read.
 * @throws {UsageError} kind `no-checksums` if the map has none, and zeros are not asked for.
 * @throws {SystemError} if the target cannot be opened or read; a place with a read error is a bad range.
 * @throws {unknown} the signal's reason if it was aborted.
 */
export async function verifyTarget(
  path: string,
  bmap: Bmap,
  options: VerifyTargetOptions = {},
): Promise<VerifyReport> {
  const { host = LINUX_VERIFY_HOST } = options;
  const findings: Finding[] = [];
  if (options.zeros !== true && !bmap.ranges.some(({ checksum }) => checksum !== undefined)) {
    const problem =
      'the map has no checksums of its ranges, so there is nothing to compare with; make one with checksums';
    throw new UsageError('no-checksums', problem);
  }
  const target = openTarget(path);
  try {
    findings.push(...describeUsers(path, host), ...describeSize(target, bmap));
    if (statSync(path).isBlockDevice()) findings.push(...(await forgetCache(target, host)));
    const { bad, uncheckedCount } = await findBadRanges({ ...options, file: target, bmap });
    const notZero = options.zeros === true ? await findNonZeros(target, bmap, options) : [];
    const all = [...bad, ...notZero].toSorted((left, right) => left.startByte - right.startByte);
    return { targetBytes: target.sizeBytes, bad: all, uncheckedCount, findings };
  } finally {
    target.close();
  }
}

function openTarget(path: string): FileReader {
  let isDevice: boolean;
  try {
    isDevice = statSync(path).isBlockDevice();
  } catch (error) {
    throw SystemError.from(error, path);
  }
  return new FileReader(path, isDevice ? { deviceSizeBytes: readDeviceSize(path) } : {});
}

/** Somebody who writes to it explains differences, and should be known before the device is blamed. */
function describeUsers(path: string, host: VerifyHost): readonly Finding[] {
  const users = host.findUsers(path);
  if (users.length === 0) return [];
  const uses = users.map(({ description }) => description).join(', ');
  const text = `${path}: ${uses}; what was written there since the copy counts as bad. Unmount it and verify again`;
  return [{ level: 'warning', code: 'verify.in-use', text }];
}

function describeSize({ path, sizeBytes }: FileReader, bmap: Bmap): readonly Finding[] {
  if (sizeBytes >= bmap.imageSizeBytes) return [];
  const text = `${path}: has ${sizeBytes} bytes, less than the image with its ${bmap.imageSizeBytes}; mapped blocks that do not fit count as bad`;
  return [{ level: 'warning', code: 'verify.smaller', text }];
}

/** Without root rights the kernel may be asked, but not made, to forget what it has read. */
async function forgetCache(device: FileReader, host: VerifyHost): Promise<readonly Finding[]> {
  try {
    await host.flushBuffers(device);
    return [];
  } catch (error) {
    const { kind } = SystemError.from(error, device.path);
    if (kind !== 'EACCES' && kind !== 'EPERM') throw error;
    const text = `${device.path}: what the system remembers of it may be compared instead of what is on the medium; run this as root, or plug the device out and in again before`;
    host.dropCachedPages(device);
    return [{ level: 'warning', code: 'verify.cached', text }];
  }
}

/** For each range that is not mapped, from the first block that is not zero to the last. */
async function findNonZeros(
  target: FileReader,
  bmap: Bmap,
  { onProgress, signal }: VerifyTargetOptions,
): Promise<readonly BadRange[]> {
  const unmapped = toByteRanges(bmap).complementWithin(
    0,
    Math.min(bmap.imageSizeBytes, target.sizeBytes),
  );
  const bytesTotal = unmapped.lengthBytes;
  let bytesDone = 0;
  const bad: BadRange[] = [];
  for (const range of unmapped) {
    let first: number | undefined;
    let last = 0;
    const end = await readRange(target, range, signal, (chunk, startByte) => {
      for (let offset = 0; offset < chunk.length; offset += ZERO_BLOCK_BYTES) {
        const block = chunk.subarray(offset, offset + ZERO_BLOCK_BYTES);
        if (isAllZero(block)) continue;
        first ??= startByte + offset;
        last = startByte + offset + block.length;
      }
      bytesDone += chunk.length;
      onProgress?.(bytesDone, bytesTotal);
    });
    if (end !== 'complete') bad.push({ ...range, reason: end });
    else if (first !== undefined) bad.push({ startByte: first, endByte: last, reason: 'not-zero' });
  }
  return bad;
}
