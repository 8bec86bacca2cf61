/**
 * The library: scan an image; read, write, check and verify block maps; copy an image to its targets, or
 * make it sparse. The command line stands on the same functions. Everything here is synchronous or
 * returns promises; nothing prints or exits.
 *
 * Positions are bytes of the image, and ranges are half-open; only a `Bmap` counts in blocks, with
 * inclusive ends, as its file does. Failures are `BmapError`s, told apart by `code` and `kind`; a
 * `RangeError` or `TypeError` means a mistake in the call, or a bug.
 *
 * @packageDocumentation
 */
import { buildBmap } from './bmap/build-bmap.ts';
import type { Bmap } from './bmap/bmap.ts';
import { MAP_BLOCK_BYTES } from './scan/agree.ts';
import { scanFile, type ScanFileOptions } from './scan/scan-file.ts';
import type { ScanReport } from './scan/scan-image.ts';

export type { Bmap, BmapRange } from './bmap/bmap.ts';
export { toByteRanges } from './bmap/bmap.ts';
export { formatBmap } from './bmap/format-bmap.ts';
export { parseBmap } from './bmap/parse-bmap.ts';
export type { BadRange } from './bmap/verify-ranges.ts';
export {
  checkBmap,
  type CheckBmapOptions,
  type CheckReport,
  type Surplus,
} from './check/check-bmap.ts';
export type { Loss, Losses, LossKind } from './check/find-losses.ts';
export {
  verifyTarget,
  type VerifyReport,
  type VerifyTargetOptions,
} from './check/verify-target.ts';
export type { CopyEvent, OnEvent } from './copy/copy-events.ts';
export { copyImage, type CopyReport } from './copy/copy-image.ts';
export type { CopyOptions } from './copy/copy-options.ts';
export type { UnmappedPolicy } from './copy/target/copy-target.ts';
export type { TargetFacts } from './copy/target/target-guard.ts';
export * from './errors/errors.ts';
export type { Finding } from './errors/finding.ts';
export type { Claim, ExtentKind, FsFacts, FsState, Volume } from './fs-probes/fs-probe.ts';
export type { DeviceFacts } from './host/device-facts.ts';
export type { Partition, PartitionTable } from './partition/partition-table.ts';
export type { ByteRange } from './ranges/byte-range.ts';
export { RangeSet, RangeSetBuilder } from './ranges/range-set.ts';
export type { ClaimResult, WholeReason } from './scan/claim-result.ts';
export type { ScanFileOptions } from './scan/scan-file.ts';
export type { ScanReport, VolumeReport } from './scan/scan-image.ts';
export type { ImageVolume } from './scan/volumes.ts';
export { copySparse, type SparseCopyOptions } from './sparsify/sparse-copy.ts';
export {
  sparsifyImage,
  type SparsifyOptions,
  type SparsifyReport,
} from './sparsify/sparsify-image.ts';

/** What mapping may be told. */
export interface MapImageOptions extends ScanFileOptions {
  /** Hash every mapped range. Default true. */
  readonly checksums?: boolean;
  /** Called while the mapped ranges are hashed. */
  readonly onProgress?: (bytesDone: number, bytesTotal: number) => void;
  /** Aborting rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** An image's map, and the scan it comes from. */
export interface MappedImage {
  /** As `scanImage` gives it. */
  readonly report: ScanReport;
  /** The map of what the report calls `mapped`. */
  readonly bmap: Bmap;
}

/**
 * Finds out which blocks of an image are used: what the map has to hold, by partition and filesystem, with
 * findings about everything that was mapped in doubt.
 * @param path a raw image or block device. It is only read; what is packed has to be unpacked before.
 * @throws {RefusedError} kind `in-use` if somebody may write to the image, and `live` is not set.
 * @throws {CorruptError} kind `empty-image`. A damaged filesystem is no error: it is mapped whole.
 * @throws {UnsupportedError} if it is compressed, or a virtual machine's disk.
 * @throws {UsageError} if it is a block map, or a partition to keep does not exist.
 * @throws {SystemError} if it cannot be read; kind `image-changed` if it changed meanwhile.
 */
export async function scanImage(path: string, options: ScanFileOptions = {}): Promise<ScanReport> {
  const { report, reader } = await scanFile(path, options);
  try {
    reader.assertUnchanged();
    return report;
  } finally {
    reader.close();
  }
}

/**
 * Scans an image and makes its block map, in blocks of 4096 bytes; `formatBmap` turns that into the file.
 * @param path as for {@link scanImage}.
 * @throws {BmapError} what {@link scanImage} throws; the signal's reason if it was aborted.
 * @example
 * ```ts
 * import { writeFile } from 'node:fs/promises';
 * import { formatBmap, mapImage } from 'bmap-cli';
 *
 * const { report, bmap } = await mapImage('distro.img');
 * const damage = report.findings.filter(({ level }) => level === 'error');
 * if (damage.length === 0) await writeFile('distro.bmap', formatBmap(bmap));
 * ```
 */
export async function mapImage(path: string, options: MapImageOptions = {}): Promise<MappedImage> {
  const { report, reader } = await scanFile(path, options);
  try {
    const { onProgress, signal } = options;
    const bmap = await buildBmap({
      fileDescriptor: reader.fileDescriptor,
      path,
      imageSizeBytes: report.imageBytes,
      blockSizeBytes: MAP_BLOCK_BYTES,
      mapped: report.mapped,
      withChecksums: options.checksums ?? true,
      ...(onProgress && { onProgress }),
      ...(signal && { signal }),
    });
    reader.assertUnchanged();
    return { report, bmap };
  } finally {
    reader.close();
  }
}
