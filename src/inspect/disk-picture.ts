/**
 * From a scan's report to what is drawn: every byte of the image gets exactly one kind, and every
 * partition its share of each. Pure; all formats of the picture are made from this.
 */
import { RangeSet, RangeSetBuilder } from '../ranges/range-set.ts';
import { claimBounds } from '../scan/claim-result.ts';
import type { ScanReport, VolumeReport } from '../scan/scan-image.ts';
import { tally, type Layer } from './cells.ts';
import { KIND_STYLES, type PictureKind } from './picture-kinds.ts';

/** A partition, or the image as a whole where that is what was read. */
export interface Place {
  readonly report: VolumeReport;
  readonly startByte: number;
  readonly endByte: number;
  /** Bytes by the index of the kind in `KIND_STYLES`. */
  readonly tally: Float64Array;
}

export interface DiskPicture {
  readonly report: ScanReport;
  readonly imageBytes: number;
  /** Disjoint; together they are the image. In the order of `KIND_STYLES`, empty ones included. */
  readonly layers: readonly Layer[];
  /** In the order of the table. */
  readonly places: readonly Place[];
  readonly tally: Float64Array;
}

/** Sorts every byte of the image into one kind. */
export function buildPicture(report: ScanReport): DiskPicture {
  const { imageBytes } = report;
  const layers = separate(collectKinds(report), imageBytes);
  const places = report.volumes.filter(isShown).map((volumeReport): Place => {
    const { startByte, endByte } = volumeReport.volume;
    return { report: volumeReport, startByte, endByte, tally: tally(layers, startByte, endByte) };
  });
  return { report, imageBytes, layers, places, tally: tally(layers, 0, imageBytes) };
}

/** The image as a whole is shown only where it holds a filesystem of its own, or nothing else. */
export function isShown(
  { volume, claims }: VolumeReport,
  _index: number,
  all: readonly VolumeReport[],
): boolean {
  return volume.partition !== undefined || claims.length > 0 || all.length === 1;
}

/** What is said about the bytes of the image; kinds may overlap. */
function collectKinds(report: ScanReport): ReadonlyMap<PictureKind, RangeSet> {
  const { imageBytes, table, volumes, mapped } = report;
  const builders = new Map(KIND_STYLES.map(({ kind }) => [kind, new RangeSetBuilder()]));
  const add = (kind: PictureKind, startByte: number, endByte: number): void =>
    builders.get(kind)!.add(startByte, Math.max(startByte, Math.min(endByte, imageBytes)));

  builders.get('left-out')!.addAll(mapped.complementWithin(0, imageBytes));
  for (const { startByte, endByte } of table.tableRanges) add('table', startByte, endByte);
  const claims = volumes.flatMap((volume) => volume.claims);
  // A filesystem on several volumes hands the same sets to each of its claims.
  for (const used of new Set(claims.map((claim) => claim.used))) {
    for (const [kind, ranges] of used) builders.get(kind)!.addAll(ranges);
  }
  for (const { claim, facts } of claims) {
    const { startByte, endByte } = claimBounds(claim);
    add(facts === undefined ? 'unknown' : 'kept', startByte, endByte);
  }
  for (const { volume, claims: own } of volumes.filter(isShown)) {
    const isPlace = volume.partition !== undefined || volumes.length === 1;
    const kind = own.length === 0 ? 'unknown' : 'slack';
    if (isPlace) add(kind, volume.startByte, volume.endByte);
  }
  add('gap', 0, imageBytes);
  return new Map([...builders].map(([kind, builder]) => [kind, builder.build()]));
}

/** Gives every byte to the first kind that names it. */
function separate(kinds: ReadonlyMap<PictureKind, RangeSet>, imageBytes: number): readonly Layer[] {
  let rest = RangeSet.of({ startByte: 0, endByte: imageBytes });
  return KIND_STYLES.map(({ kind }) => {
    const named = kinds.get(kind)!;
    const ranges = rest.intersect(named);
    rest = rest.subtract(named);
    return { kind, ranges };
  });
}
