import { formatHumanSize } from '../../bmap/human-size.ts';
import { isShown } from '../../inspect/disk-picture.ts';
import { describeTable, missingLines, WHOLE_WORDS } from '../../inspect/facts.ts';
import type { ClaimResult } from '../../scan/claim-result.ts';
import type { ScanReport, VolumeReport } from '../../scan/scan-image.ts';
import { alignColumns } from '../terminal/align-columns.ts';
import { escapeText } from '../terminal/escape-text.ts';

/** The report for people: a line for the image, one for each partition, the total. */
export function formatReportLines(path: string, report: ScanReport): readonly string[] {
  const { volumes, imageBytes } = report;
  const rows = volumes.filter(isShown).map(formatRow);
  const leftOut = imageBytes - report.mapped.lengthBytes;
  const lines = [
    `${escapeText(path)}: ${formatHumanSize(imageBytes)}, ${describeTable(report)}`,
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
