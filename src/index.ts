/**
 * The library: scan an image; read, write, check and verify block maps; copy an image to its targets, or
 * make it sparse. The command line stands on the same functions. Everything here is synchronous or
 * returns promises; nothing prints or exits.
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
export type { Loss, LossKind } from './check/find-losses.ts';
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
export type { ByteRange } from './ranges/byte-range.ts';
export { RangeSet, RangeSetBuilder } from './ranges/range-set.ts';
export type { ClaimResult, WholeReason } from './scan/claim-result.ts';
export type { ScanFileOptions } from './scan/scan-file.ts';
export type { ScanReport, VolumeReport } from './scan/scan-image.ts';
export { copySparse, type SparseCopyOptions } from './sparsify/sparse-copy.ts';
export {
  sparsifyImage,
  type SparsifyOptions,
  type SparsifyReport,
} from './sparsify/sparsify-image.ts';

export interface MapImageOptions extends ScanFileOptions {
  /** Hash every mapped range. Default true. */
  readonly checksums?: boolean;
  readonly onProgress?: (bytesDone: number, bytesTotal: number) => void;
  readonly signal?: AbortSignal;
}

/**
 * Finds out which blocks of a raw image or block device are used.
 * @throws {BmapError} one of its families; anything else is a bug.
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
 * Scans an image and makes its block map; `formatBmap` turns that into the file.
 * @throws {BmapError} one of its families; the signal's reason if it was aborted.
 */
export async function mapImage(
  path: string,
  options: MapImageOptions = {},
): Promise<{ report: ScanReport; bmap: Bmap }> {
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
