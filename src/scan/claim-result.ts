import type { Claim, ExtentKind, FsFacts } from '../fs-probes/fs-probe.ts';
import type { RangeSet } from '../ranges/range-set.ts';

/**
 * Why a claim was mapped whole although someone recognised it. `damage`: the bytes are wrong.
 * `unsupported`: it has a feature that is not supported. `not-read`: the format is only known by name.
 * `verity`: every block is hashed at boot, free ones too. `live`: it was in use while it was scanned.
 */
export type WholeReason = 'damage' | 'unsupported' | 'not-read' | 'verity' | 'live';

/** What came of one claim. All positions are those of the image. */
export interface ClaimResult {
  /** What announced itself, and where. */
  readonly claim: Claim;
  /** The reader that made the claim, for example `ext`; undefined for formats that are not read. */
  readonly probeName: string | undefined;
  /** Absent when the filesystem was not understood. */
  readonly facts: FsFacts | undefined;
  /** Why it was mapped whole; undefined if it was not. */
  readonly whole: WholeReason | undefined;
  /** Everything the filesystem uses, in whatever volume, by kind. Not all of it when not understood. */
  readonly used: ReadonlyMap<ExtentKind, RangeSet>;
  /** What this claim alone would leave out: claim minus used. Empty when mapped whole. */
  readonly released: RangeSet;
}

/** The claim's bytes in the image, cut at the end of its volume. */
export function claimBounds(claim: Claim): { startByte: number; endByte: number } {
  const { startByte, reader } = claim.volume;
  return { startByte, endByte: startByte + Math.min(claim.lengthBytes, reader.sizeBytes) };
}
