/**
 * From an image to its map: partition table, volumes, claims, decision. Knows nothing of files, so a
 * reader of any kind will do.
 */
import { UsageError } from '../errors/errors.ts';
import type { Finding } from '../errors/finding.ts';
import { loadOnDemand } from '../fs-probes/load-on-demand.ts';
import type { ImageReader } from '../image/image-reader.ts';
import type { PartitionTable } from '../partition/partition-table.ts';
import { readPartitionTable } from '../partition/read-partition-table.ts';
import type { ByteRange } from '../ranges/byte-range.ts';
import { RangeSet, RangeSetBuilder } from '../ranges/range-set.ts';
import { planMapping } from './agree.ts';
import { claimBounds, type ClaimResult, type WholeReason } from './claim-result.ts';
import { findAmbiguities } from './ambiguity.ts';
import { findLargeGaps, findZeroBlocks } from './gaps.ts';
import { scanClaims } from './scan-claims.ts';
import { startsFilesystem } from './starts-filesystem.ts';
import { findVerityVolumes } from './verity.ts';
import { listVolumes, type ImageVolume } from './volumes.ts';

/**
 * A block map of so many ranges takes 30 MB, and some 300 MiB of memory to make. What is scattered
 * more than that is mapped a little more coarsely.
 */
const MAX_MAP_RANGES = 2 ** 18;

export interface ScanImageOptions {
  /** Leave out unused inode-table tails of ext4. Default false. */
  readonly lean?: boolean;
  /** `data`: leave out zero blocks of gaps above 64 MiB. Default `keep`. */
  readonly gaps?: 'keep' | 'data';
  /** Forced mapped, in bytes of the image. */
  readonly keepRanges?: readonly ByteRange[];
  /** Forced mapped whole, by partition number. */
  readonly keepPartitions?: readonly number[];
  /** @internal Parts of the image whose filesystems are in use right now: mapped whole. */
  readonly liveRanges?: RangeSet;
}

/** What was found, before the decision: a second opinion may still add to `kept`. */
export interface Survey {
  readonly reader: ImageReader;
  readonly table: PartitionTable;
  readonly volumes: readonly ImageVolume[];
  readonly claims: readonly ClaimResult[];
  readonly largeGaps: RangeSet;
  readonly releasedGaps: RangeSet;
  readonly kept: RangeSet;
  readonly findings: readonly Finding[];
}

/** One partition, or the image as a whole where a filesystem lies on it. */
export interface VolumeReport {
  /** Where it lies. */
  readonly volume: ImageVolume;
  /** The filesystems that announce themselves there; more than one is ambiguous. */
  readonly claims: readonly ClaimResult[];
  /** What the map holds of it. */
  readonly mappedBytes: number;
  /** What the map leaves out of it. */
  readonly leftOutBytes: number;
}

/** What a scan found, and what it decided. All positions are bytes of the image. */
export interface ScanReport {
  /** The size of the image. */
  readonly imageBytes: number;
  /** The partition table; its scheme is `none` where there is none. */
  readonly table: PartitionTable;
  /** The image as a whole, then every partition that has bytes in the image, in the order of the table. */
  readonly volumes: readonly VolumeReport[];
  /** What to map: whole blocks of 4096 bytes, but for the end of the image. */
  readonly mapped: RangeSet;
  /** Gaps that `gaps: 'data'` would look into. */
  readonly largeGapBytes: number;
  /** What the user should know; the codes are those of docs/findings.md. */
  readonly findings: readonly Finding[];
}

/**
 * Reads everything that decides about the map.
 * @throws {UsageError} if a partition to keep does not exist.
 * @throws {SystemError} if the image cannot be read.
 */
export async function surveyImage(
  reader: ImageReader,
  options: ScanImageOptions = {},
): Promise<Survey> {
  return loadOnDemand(() => readSurvey(reader, options));
}

function readSurvey(reader: ImageReader, options: ScanImageOptions): Survey {
  const table = readPartitionTable(reader, {
    startsFilesystem: (startByte) => startsFilesystem(reader, startByte),
  });
  const volumes = listVolumes(reader, table);
  const scanned = scanClaims(volumes, { lean: options.lean ?? false });
  const verity = findVerityVolumes(volumes, scanned.results);
  const kept = new RangeSetBuilder();
  const claims = scanned.results.map((result) => {
    const whole = findOverride(result, verity.volumes, options);
    return whole === undefined ? result : { ...result, whole, released: RangeSet.empty };
  });
  for (const { startByte, endByte } of verity.volumes) kept.add(startByte, endByte);
  for (const { startByte, endByte } of options.keepRanges ?? []) {
    kept.add(startByte, Math.min(endByte, reader.sizeBytes));
  }
  for (const number of options.keepPartitions ?? []) {
    for (const { startByte, endByte } of findPartitions(volumes, number)) {
      kept.add(startByte, endByte);
    }
  }
  if (!table.isTrusted) kept.add(0, reader.sizeBytes);
  const largeGaps = table.isTrusted ? findLargeGaps(reader.sizeBytes, volumes) : RangeSet.empty;
  return {
    reader,
    table,
    volumes,
    claims,
    largeGaps,
    releasedGaps: options.gaps === 'data' ? findZeroBlocks(reader, largeGaps) : RangeSet.empty,
    kept: kept.build(),
    findings: [
      ...table.findings,
      ...findAmbiguities(volumes, claims),
      ...scanned.findings,
      ...verity.findings,
    ],
  };
}

/** Turns a survey into the map. */
export function decideMapping(survey: Survey): ScanReport {
  const { reader, table, volumes, claims, largeGaps, releasedGaps, kept, findings } = survey;
  const imageBytes = reader.sizeBytes;
  const { tableRanges } = table;
  const exact = planMapping({ imageBytes, volumes, claims, releasedGaps, tableRanges, kept });
  const mapped = exact.fillSmallestGaps(MAX_MAP_RANGES);
  const reports = volumes.map((volume): VolumeReport => {
    const { startByte, endByte } = volume;
    const mappedBytes = mapped.intersect(RangeSet.of({ startByte, endByte })).lengthBytes;
    return {
      volume,
      claims: claims.filter(({ claim }) => claim.volume === volume),
      mappedBytes,
      leftOutBytes: endByte - startByte - mappedBytes,
    };
  });
  return {
    imageBytes,
    table,
    volumes: reports,
    mapped,
    largeGapBytes: largeGaps.lengthBytes,
    findings: mapped === exact ? findings : [...findings, tooManyRanges(exact, mapped)],
  };
}

function tooManyRanges(exact: RangeSet, mapped: RangeSet): Finding {
  const addedBytes = mapped.lengthBytes - exact.lengthBytes;
  return {
    level: 'info',
    code: 'scan.too-many-ranges',
    text: `the map would have ${exact.count} ranges; to keep it at ${MAX_MAP_RANGES}, the smallest gaps between them, ${addedBytes} bytes in all, are mapped too`,
  };
}

/** Why a claim stays mapped whole, whatever came of reading it. */
function findOverride(
  { claim, whole }: ClaimResult,
  verityVolumes: ReadonlySet<ImageVolume>,
  options: ScanImageOptions,
): WholeReason | undefined {
  const { startByte, endByte } = claimBounds(claim);
  // Read while it was changing: what was found in it may be an accident.
  if (options.liveRanges?.intersects(startByte, endByte) === true) return 'live';
  if (whole !== undefined) return whole;
  return [...verityVolumes].some(({ index }) => index === claim.volume.index)
    ? 'verity'
    : undefined;
}

/** More than one in a hybrid table, which numbers GPT and MBR partitions apart. */
function findPartitions(volumes: readonly ImageVolume[], number: number): readonly ImageVolume[] {
  const found = volumes.filter(({ partition }) => partition?.number === number);
  if (found.length > 0) return found;
  throw new UsageError(
    'no-such-partition',
    `the image has no partition ${number} to keep; bmap scan lists those it has`,
  );
}
