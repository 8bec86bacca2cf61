/** Which bytes of the image may go: by our own scan, by a map, or by both of them together. */
import { toByteRanges, type Bmap } from '../bmap/bmap.ts';
import { findBadRanges } from '../bmap/verify-ranges.ts';
import { MismatchError } from '../errors/errors.ts';
import type { FileReader } from '../image/file-reader.ts';
import type { RangeSet } from '../ranges/range-set.ts';
import { openImage } from '../scan/open-image.ts';
import { scanFile } from '../scan/scan-file.ts';
import type { ScanImageOptions, ScanReport } from '../scan/scan-image.ts';

export interface FindUnusedOptions extends Pick<ScanImageOptions, 'keepRanges' | 'keepPartitions'> {
  /** Ask e2fsprogs and fatfs as well, and keep what either calls used. Default false. */
  readonly crossCheck?: boolean;
  /** A map that must leave out what is to go. */
  readonly bmap?: Bmap;
  /** Believe the map instead of scanning, if the image is the one it was made of. Default false. */
  readonly trustMap?: boolean;
  /** Called with what has been done and what there is to do, in bytes. */
  readonly onProgress?: (bytesDone: number, bytesTotal: number) => void;
  /** Aborting stops it between two steps. */
  readonly signal?: AbortSignal;
}

export interface Unused {
  /** What may go. Never reaches past the image. */
  readonly ranges: RangeSet;
  /** What the scan said; undefined where a map was believed. */
  readonly scan: ScanReport | undefined;
  /** Still open, to tell whether the image changed; the caller closes it. */
  readonly reader: FileReader;
}

/**
 * @throws {MismatchError} kinds `image-size` and `range-checksum` if the map is of another image.
 * @throws everything that `scanFile` throws.
 */
export async function findUnused(path: string, options: FindUnusedOptions): Promise<Unused> {
  const { bmap } = options;
  if (bmap !== undefined && options.trustMap === true) return believeMap(path, bmap, options);
  const { report, reader } = await scanFile(path, options);
  try {
    const unused = report.mapped.complementWithin(0, report.imageBytes);
    const ranges = bmap === undefined ? unused : unused.subtract(toRanges(bmap, reader));
    return { ranges, scan: report, reader };
  } catch (error) {
    reader.close();
    throw error;
  }
}

/** A map of another image, or of an older version of this one, would cost data: its checksums tell. */
async function believeMap(path: string, bmap: Bmap, options: FindUnusedOptions): Promise<Unused> {
  const { reader } = openImage(path);
  try {
    const mapped = toRanges(bmap, reader);
    const { bad } = await findBadRanges({ ...options, file: reader, bmap });
    const [first] = bad;
    if (first !== undefined) {
      throw new MismatchError(
        'range-checksum',
        `${path}: bytes ${first.startByte} to ${first.endByte} are not those the map was made of (${bad.length} of ${bmap.ranges.length} ranges differ), so it cannot be trusted with this image; leave out --trust-map`,
      );
    }
    return { ranges: mapped.complementWithin(0, reader.sizeBytes), scan: undefined, reader };
  } catch (error) {
    reader.close();
    throw error;
  }
}

function toRanges(bmap: Bmap, { path, sizeBytes }: FileReader): RangeSet {
  if (bmap.imageSizeBytes === sizeBytes) return toByteRanges(bmap);
  throw new MismatchError(
    'image-size',
    `${path}: has ${sizeBytes} bytes, but the map is of an image of ${bmap.imageSizeBytes}; use the map of this image`,
  );
}
