/**
 * What is known of a disk, its partitions and filesystems, in words. Names and labels come from the
 * image and are not escaped here: each format that shows them has its own dangerous characters.
 */
import { formatHumanSize } from '../bmap/human-size.ts';
import type { FsState } from '../fs-probes/fs-probe.ts';
import { RangeSet } from '../ranges/range-set.ts';
import { claimBounds, type ClaimResult, type WholeReason } from '../scan/claim-result.ts';
import type { ScanReport } from '../scan/scan-image.ts';
import { allOf } from '../scan/used-extents.ts';
import type { Place } from './disk-picture.ts';

export const WHOLE_WORDS: Readonly<Record<WholeReason, string>> = {
  damage: 'damaged, mapped whole',
  unsupported: 'not supported, mapped whole',
  'not-read': 'mapped whole',
  verity: 'checked at boot, mapped whole',
  live: 'in use, mapped whole',
};

const STATE_WORDS: Readonly<Record<FsState, string>> = {
  clean: 'clean',
  replayed: 'not cleanly unmounted, read through its journal or log',
  dirty: 'not cleanly unmounted',
};

/** A name and what stands behind it. */
export type Fact = readonly [name: string, value: string];

/** For example `GPT partition table, 512-byte sectors`. */
export function describeTable({ table }: ScanReport): string {
  if (table.scheme === 'none') return 'no partition table';
  const name = { mbr: 'MBR', gpt: 'GPT', hybrid: 'GPT with hybrid MBR', foreign: 'foreign' }[
    table.scheme
  ];
  const doubt = table.isTrusted ? '' : ', not trusted: everything is mapped';
  return `${name} partition table, ${table.sectorBytes}-byte sectors${doubt}`;
}

/** Partitions of which the image has not a single byte. */
export function missingLines({ table, imageBytes }: ScanReport): readonly string[] {
  return table.partitions
    .filter(({ startByte, endByte }) => startByte >= imageBytes || endByte <= startByte)
    .map(({ number }) => `partition ${number} lies outside of the image`);
}

/** `partition 2`, or `whole image`. */
export function nameOf({ report }: Place): string {
  const { partition } = report.volume;
  return partition === undefined ? 'whole image' : `partition ${partition.number}`;
}

/** What the table says the partition is for, and the name it gives; both empty for the whole image. */
export function typeOf({ report }: Place): { readonly type: string; readonly name: string } {
  const { partition } = report.volume;
  if (partition === undefined) return { type: '', name: '' };
  const { type, typeName, name } = partition;
  return { type: typeName === 'unknown' ? type : typeName, name };
}

/** Where it lies and what the map makes of it. */
export function placeFacts({ report, startByte, endByte }: Place): readonly Fact[] {
  const size = formatHumanSize(endByte - startByte);
  const facts: Fact[] = [
    ['place', `${formatHumanSize(startByte)} to ${formatHumanSize(endByte)}, ${size} long`],
    ['in the map', formatHumanSize(report.mappedBytes)],
    ['left out', formatHumanSize(report.leftOutBytes)],
  ];
  const { partition } = report.volume;
  if (partition !== undefined && partition.endByte > endByte) {
    const missing = formatHumanSize(partition.endByte - endByte);
    facts.push(['cut', `its last ${missing} lie outside of the image`]);
  }
  return facts;
}

/** Bytes in use and free inside the filesystem; undefined if it was not understood. */
export function measureFilesystem({
  claim,
  facts,
  used,
}: ClaimResult): { readonly usedBytes: number; readonly freeBytes: number } | undefined {
  if (facts === undefined) return undefined;
  const bounds = claimBounds(claim);
  const usedBytes = allOf(used).intersect(RangeSet.of(bounds)).lengthBytes;
  return { usedBytes, freeBytes: bounds.endByte - bounds.startByte - usedBytes };
}

/** What the filesystem says about itself; only what it says. */
export function filesystemFacts(result: ClaimResult): readonly Fact[] {
  const { claim, facts, whole } = result;
  const list: (readonly [string, string | undefined])[] = [
    ['filesystem', claim.type],
    ['label', claim.label],
    ['uuid', claim.uuid],
    ['state', stateWords(result)],
    ['space', spaceWords(result)],
    ['features', facts?.features?.join(' ')],
    ['decision', whole === undefined ? undefined : WHOLE_WORDS[whole]],
  ];
  return list.filter((fact): fact is Fact => fact[1] !== undefined && fact[1] !== '');
}

function spaceWords(result: ClaimResult): string {
  const { claim, facts } = result;
  const words = [formatHumanSize(claim.lengthBytes)];
  const measured = measureFilesystem(result);
  if (measured !== undefined) {
    words.push(`used ${formatHumanSize(measured.usedBytes)}`);
    words.push(`free ${formatHumanSize(measured.freeBytes)}`);
  }
  if (facts?.freeBytes !== undefined) {
    words.push(`free by its own counters ${formatHumanSize(facts.freeBytes)}`);
  }
  return words.join(', ');
}

function stateWords({ facts }: ClaimResult): string {
  return facts === undefined ? 'not read' : STATE_WORDS[facts.state];
}
