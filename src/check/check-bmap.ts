/** Does a map lose anything of its image? For those who make images: before the map is shipped. */
import { toByteRanges, type Bmap } from '../bmap/bmap.ts';
import { findBadRanges, type BadRange } from '../bmap/verify-ranges.ts';
import type { Finding } from '../errors/finding.ts';
import { RangeSet } from '../ranges/range-set.ts';
import { openImage, type OpenImage } from '../scan/open-image.ts';
import { decideMapping, surveyImage } from '../scan/scan-image.ts';
import { findLosses, type Losses } from './find-losses.ts';

/** What a check may be told. */
export interface CheckBmapOptions {
  /** Called while the checksums are compared. */
  readonly onProgress?: (bytesDone: number, bytesTotal: number) => void;
  /** Aborting rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Mapped, but provably unused. */
export interface Surplus {
  /** Where it lies: `partition 2`, or `image`. */
  readonly place: string;
  /** How much of it there is, in one or more pieces. */
  readonly lengthBytes: number;
}

/** What `checkBmap` found. */
export interface CheckReport extends Losses {
  /** The size of the image. */
  readonly imageBytes: number;
  /** The size that the map states; another one is a mismatch. */
  readonly mapImageBytes: number;
  /** Mapped ranges whose bytes are not those the map was made of. */
  readonly mismatches: readonly BadRange[];
  /** Mapped ranges without a checksum in the map. */
  readonly uncheckedCount: number;
  /** What the map could leave out more, by partition. */
  readonly surplus: readonly Surplus[];
  /** What the scan had to say. */
  readonly findings: readonly Finding[];
}

/**
 * Scans the image and compares it with a map of it. A map loses data if it leaves out what even the
 * tightest scan (`--lean --gaps data`) maps; it has surplus where it maps what a scan without options
 * leaves out.
 * @param image the path of a raw image or block device. It is only read.
 * @throws {RefusedError} kind `in-use` if somebody may write to the image.
 * @throws {CorruptError} kind `empty-image`. @throws {UnsupportedError} if it is no raw image.
 * @throws {SystemError} if it cannot be read, or changed meanwhile; the signal's reason if it was aborted.
 */
export async function checkBmap(
  image: string,
  bmap: Bmap,
  options?: CheckBmapOptions,
): Promise<CheckReport>;
/** @internal For images that were unpacked first. An open image is closed in any case. */
export async function checkBmap(
  image: string | OpenImage,
  bmap: Bmap,
  options?: CheckBmapOptions,
): Promise<CheckReport>;
export async function checkBmap(
  image: string | OpenImage,
  bmap: Bmap,
  options: CheckBmapOptions = {},
): Promise<CheckReport> {
  const { reader } = typeof image === 'string' ? openImage(image) : image;
  try {
    const survey = await surveyImage(reader);
    const { volumes, mapped } = decideMapping(survey);
    const inMap = toByteRanges(bmap).intersect(
      RangeSet.of({ startByte: 0, endByte: reader.sizeBytes }),
    );
    const losses = findLosses(await surveyImage(reader, { lean: true }), inMap);
    const { bad, uncheckedCount } = await findBadRanges({ ...options, file: reader, bmap });
    reader.assertUnchanged();
    const surplus = inMap.subtract(mapped);
    return {
      ...losses,
      imageBytes: reader.sizeBytes,
      mapImageBytes: bmap.imageSizeBytes,
      mismatches: bad,
      uncheckedCount,
      surplus: volumes.flatMap(({ volume }) => {
        const { lengthBytes } = surplus.intersect(RangeSet.of(volume));
        const isWhole = volume.partition === undefined && volumes.length > 1;
        return lengthBytes === 0 || isWhole ? [] : [{ place: volume.name, lengthBytes }];
      }),
      findings: survey.findings,
    };
  } finally {
    reader.close();
  }
}
