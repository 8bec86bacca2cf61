/** Does a map lose anything of its image? For those who make images: before the map is shipped. */
import { toByteRanges, type Bmap } from '../bmap/bmap.ts';
import { findBadRanges, type BadRange } from '../bmap/verify-ranges.ts';
import type { Finding } from '../errors/finding.ts';
import { RangeSet } from '../ranges/range-set.ts';
import { openImage, type OpenImage } from '../scan/open-image.ts';
import { decideMapping, surveyImage } from '../scan/scan-image.ts';
import { findLosses, type Losses } from './find-losses.ts';

export interface CheckBmapOptions {
  readonly onProgress?: (bytesDone: number, bytesTotal: number) => void;
  readonly signal?: AbortSignal;
}

/** Mapped, but provably unused. */
export interface Surplus {
  /** Where it lies: `partition 2`, or `image`. */
  readonly place: string;
  readonly lengthBytes: number;
}

export interface CheckReport extends Losses {
  readonly imageBytes: number;
  /** The size that the map states; another one is a mismatch. */
  readonly mapImageBytes: number;
  /** Mapped ranges whose bytes are not those the map was made of. */
  readonly mismatches: readonly BadRange[];
  /** Mapped ranges without a checksum in the map. */
  readonly uncheckedCount: number;
  readonly surplus: readonly Surplus[];
  readonly findings: readonly Finding[];
}

/**
 * Scans the image and compares it with a map of it. A map loses data if it leaves out what even the
 * tightest scan (`--lean --gaps data`) maps; it has surplus where it maps what a scan without options
 * leaves out. The image is closed in any case, also if it was open already.
 * @throws everything that `openImage` and `surveyImage` throw; the signal's reason if it was aborted.
 */
export async function checkBmap(
  image: string | OpenImage,
  bmap: Bmap,
  options: CheckBmapOptions = {},
): Promise<CheckReport> {
  const { reader } = typeof image === 'string' ? openImage(image) : image;
  try {
    const survey = surveyImage(reader);
    const { volumes, mapped } = decideMapping(survey);
    const inMap = toByteRanges(bmap).intersect(
      RangeSet.of({ startByte: 0, endByte: reader.sizeBytes }),
    );
    const losses = findLosses(surveyImage(reader, { lean: true }), inMap);
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
