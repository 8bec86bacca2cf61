/**
 * Runs the probes over all volumes. Here, and only here, "claim minus used" becomes a released range,
 * and only after a probe has returned without doubt.
 */
import { CorruptError, UnsupportedError } from '../errors/errors.ts';
import type { Finding } from '../errors/finding.ts';
import type { Claim, FsFacts, FsProbe, ScanOptions, Volume } from '../fs-probes/fs-probe.ts';
import { probes } from '../fs-probes/probes.ts';
import { recognizeFormats } from '../fs-probes/recognized/recognize.ts';
import { RangeSet } from '../ranges/range-set.ts';
import { claimBounds, type ClaimResult, type WholeReason } from './claim-result.ts';
import { allOf, UsedExtents } from './used-extents.ts';

/**
 * The runs of all filesystems of an image together, of which each takes some 100 bytes until the
 * decision has been made. Filesystems that come after so many are mapped whole.
 */
const MAX_RUNS = 2 ** 20;
/**
 * Real tables may name a place twice or three times. One that lays partition over partition without
 * end only makes the same bytes be read again and again; such partitions stay unknown.
 */
const MAX_OVERLAPS = 16;

/** A filesystem: the claims of one probe that belong together. */
interface ClaimGroup {
  readonly probe: FsProbe;
  readonly claims: Claim[];
}

export interface ScannedClaims {
  readonly results: readonly ClaimResult[];
  readonly findings: readonly Finding[];
}

/** @throws {SystemError} if the image cannot be read. Any other exception is a bug. */
export function scanClaims(volumes: readonly Volume[], options: ScanOptions): ScannedClaims {
  const findings: Finding[] = [];
  const groups: ClaimGroup[] = [];
  const results: ClaimResult[] = [];
  const places = groupByPlace(volumes);
  const distinct = places.map(([first]) => first);
  for (const volume of distinct) {
    if (countOverlaps(volume, distinct) > MAX_OVERLAPS) {
      findings.push(tooManyOverlaps(volume));
      continue;
    }
    const claims = groupClaims(volume, groups);
    for (const claim of recognizeFormats(volume, claims > 0)) results.push(resultWhole(claim));
  }
  let runCount = 0;
  for (const group of groups) {
    const scanned =
      runCount > MAX_RUNS
        ? passOver(group, findings)
        : scanGroup(group, distinct, options, findings);
    runCount += countRuns(scanned);
    results.push(...scanned);
  }
  return { results: results.flatMap((result) => spreadToTwins(result, places)), findings };
}

/** How many partitions share bytes with this one, itself not counted. The image shares with all. */
function countOverlaps(volume: Volume, all: readonly Volume[]): number {
  if (volume.index === 0) return 0;
  return all.filter(
    (other) =>
      other.index !== 0 &&
      other !== volume &&
      other.startByte < endOf(volume) &&
      volume.startByte < endOf(other),
  ).length;
}

function endOf({ startByte, reader }: Volume): number {
  return startByte + reader.sizeBytes;
}

function tooManyOverlaps({ name, startByte }: Volume): Finding {
  const text = `${name}: mapped whole: it was not read, because more than ${MAX_OVERLAPS} other partitions lie over it. Check the table with fdisk`;
  return { level: 'warning', code: 'scan.too-many-overlaps', text, startByte };
}

function countRuns(results: readonly ClaimResult[]): number {
  return results.reduce((sum, { released }) => sum + released.count, 0);
}

function passOver({ probe, claims }: ClaimGroup, findings: Finding[]): readonly ClaimResult[] {
  const names = claims.map(({ volume }) => volume.name).join(', ');
  findings.push({
    level: 'warning',
    code: 'scan.too-many-runs',
    text: `${names}: mapped whole: it was not read, because the filesystems before it are in more than ${MAX_RUNS} pieces`,
    startByte: claims[0]!.volume.startByte,
  });
  return claims.map((claim) => ({
    ...resultWhole(claim),
    probeName: probe.name,
    whole: 'unsupported',
  }));
}

/** Volumes that are the same bytes: a hybrid MBR names partitions of the GPT once more. */
type Twins = readonly [Volume, ...Volume[]];

function groupByPlace(volumes: readonly Volume[]): readonly Twins[] {
  const places = new Map<string, [Volume, ...Volume[]]>();
  for (const volume of volumes) {
    const place = `${volume.startByte}+${volume.reader.sizeBytes}`;
    const known = places.get(place);
    if (known === undefined) places.set(place, [volume]);
    else known.push(volume);
  }
  return [...places.values()];
}

/** What was found once holds for every volume of the same place. */
function spreadToTwins(result: ClaimResult, places: readonly Twins[]): readonly ClaimResult[] {
  const twins = places.find(([first]) => first === result.claim.volume) ?? [];
  return twins.map((volume) => ({ ...result, claim: { ...result.claim, volume } }));
}

/** Asks every probe about the volume and sorts the answers into groups. Returns their number. */
function groupClaims(volume: Volume, groups: ClaimGroup[]): number {
  let count = 0;
  for (const probe of probes) {
    const claim = probe.identify(volume);
    if (claim === undefined) continue;
    count++;
    const { group } = claim;
    const known = groups.find(
      (other) => other.probe === probe && group !== undefined && other.claims[0]?.group === group,
    );
    if (known === undefined) groups.push({ probe, claims: [claim] });
    else known.claims.push(claim);
  }
  return count;
}

function scanGroup(
  { probe, claims }: ClaimGroup,
  volumes: readonly Volume[],
  options: ScanOptions,
  findings: Finding[],
): readonly ClaimResult[] {
  const used = new UsedExtents();
  const outcome = runProbe(probe, claims, volumes, used, options, findings);
  const byKind = used.byKind();
  if ('whole' in outcome) {
    // What the probe reported before it gave up stands: it may lie in another volume.
    const partial = { probeName: probe.name, used: byKind, ...outcome };
    return claims.map((claim) => ({ ...resultWhole(claim), ...partial }));
  }
  const usedBytes = allOf(byKind);
  return claims.map((claim) => {
    const { startByte, endByte } = claimBounds(claim);
    return {
      claim,
      probeName: probe.name,
      facts: outcome.facts,
      whole: undefined,
      used: byKind,
      released: usedBytes.complementWithin(startByte, endByte),
    };
  });
}

function runProbe(
  probe: FsProbe,
  claims: readonly Claim[],
  volumes: readonly Volume[],
  used: UsedExtents,
  options: ScanOptions,
  findings: Finding[],
): { facts: FsFacts } | { whole: WholeReason } {
  const sink = {
    use: used.add.bind(used),
    report: (finding: Finding) => void findings.push(finding),
  };
  try {
    return { facts: probe.scan(claims, volumes, sink, options) };
  } catch (error) {
    if (!(error instanceof CorruptError || error instanceof UnsupportedError)) throw error;
    const names = claims.map(({ volume }) => volume.name).join(', ');
    const [level, whole] =
      error instanceof CorruptError
        ? (['error', 'damage'] as const)
        : (['warning', 'unsupported'] as const);
    const text = `${names}: mapped whole: ${error.message}${adviceFor(error, probe)}`;
    const startByte = claims[0]!.volume.startByte;
    findings.push({ level, code: `${probe.name}.${error.kind}`, text, startByte });
    return { whole };
  }
}

/** Of what is not supported, each error says itself whether anything helps. */
function adviceFor(error: CorruptError | UnsupportedError, { checkCommand }: FsProbe): string {
  if (error instanceof UnsupportedError) return '';
  return error.kind === 'truncated'
    ? '. Is the image complete?'
    : `. Run ${checkCommand} and scan again`;
}

function resultWhole(claim: Claim): ClaimResult {
  return {
    claim,
    probeName: undefined,
    facts: undefined,
    whole: 'not-read',
    used: new Map(),
    released: RangeSet.empty,
  };
}
