import { formatHumanSize } from '../bmap/human-size.ts';
import type { ClaimResult, WholeReason } from '../scan/claim-result.ts';
import type { ScanReport, VolumeReport } from '../scan/scan-image.ts';
import { escapeText } from './escape-text.ts';

const WHOLE_WORDS: Readonly<Record<WholeReason, string>> = {
  damage: 'damaged, mapped whole',
  unsupported: 'not supported, mapped whole',
  'not-read': 'mapped whole',
  verity: 'checked at boot, mapped whole',
  live: 'in use, mapped whole',
};

/** The report for people: a line for the image, one for each partition, the total. */
export function formatReportLines(path: string, report: ScanReport): readonly string[] {
  const { table, volumes, imageBytes } = report;
  const kind = table.scheme === 'none' ? 'no partition table' : describeTable(report);
  const rows = volumes.filter(isShown).map(formatRow);
  const leftOut = imageBytes - report.mapped.lengthBytes;
  const lines = [
    `${escapeText(path)}: ${formatHumanSize(imageBytes)}, ${kind}`,
    ...alignColumns(rows),
    ...missingLines(report),
    `left out ${formatHumanSize(leftOut)} of ${formatHumanSize(imageBytes)}`,
  ];
  if (report.largeGapBytes > 0) {
    const size = formatHumanSize(report.largeGapBytes);
    lines.push(`${size} lie outside of all partitions; --gaps data leaves out their zero blocks`);
  }
  return lines;
}

function describeTable({ table }: ScanReport): string {
  const name = { mbr: 'MBR', gpt: 'GPT', hybrid: 'GPT with hybrid MBR', foreign: 'foreign' }[
    table.scheme as 'mbr' | 'gpt' | 'hybrid' | 'foreign'
  ];
  const doubt = table.isTrusted ? '' : ', not trusted: everything is mapped';
  return `${name} partition table, ${table.sectorBytes}-byte sectors${doubt}`;
}

/** The image as a whole is a row only where it holds a filesystem of its own, or nothing else. */
function isShown(
  { volume, claims }: VolumeReport,
  _index: number,
  all: readonly VolumeReport[],
): boolean {
  return volume.partition !== undefined || claims.length > 0 || all.length === 1;
}

function formatRow({ volume, claims, mappedBytes, leftOutBytes }: VolumeReport): readonly string[] {
  const { partition } = volume;
  return [
    partition === undefined ? 'whole image' : `partition ${partition.number}`,
    partition === undefined ? '' : describeType(partition.type, partition.typeName, partition.name),
    claims.length === 0 ? 'unknown, mapped whole' : claims.map(describeClaim).join(' + '),
    formatHumanSize(volume.endByte - volume.startByte),
    `used ${formatHumanSize(mappedBytes)}`,
    `left out ${formatHumanSize(leftOutBytes)}`,
  ];
}

function describeType(type: string, typeName: string, name: string): string {
  const known = typeName === 'unknown' ? type : typeName;
  return name === '' ? known : `${known} "${escapeText(name)}"`;
}

function describeClaim({ claim, whole, facts }: ClaimResult): string {
  const label =
    claim.label === undefined || claim.label === '' ? '' : ` "${escapeText(claim.label)}"`;
  const state = facts === undefined || facts.state === 'clean' ? '' : ` (${facts.state})`;
  return `${claim.type}${label}${state}${whole === undefined ? '' : `, ${WHOLE_WORDS[whole]}`}`;
}

/** Partitions of which the image has not a single byte, and containers of logical partitions. */
function missingLines({ table, imageBytes }: ScanReport): readonly string[] {
  return table.partitions
    .filter(({ startByte, endByte }) => startByte >= imageBytes || endByte <= startByte)
    .map(({ number }) => `partition ${number} lies outside of the image`);
}

function alignColumns(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths?.[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
