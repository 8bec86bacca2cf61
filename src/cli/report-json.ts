/** The report for programs. Members are only ever added; docs/report-json.md describes them. */
import type { ReadCost } from '../image/image-reader.ts';
import type { RangeSet } from '../ranges/range-set.ts';
import type { ClaimResult } from '../scan/claim-result.ts';
import type { ScanReport, VolumeReport } from '../scan/scan-image.ts';

const FORMAT_VERSION = 1;

/** @returns one JSON document and a line feed. All positions are bytes of the image, ends exclusive. */
export function formatReportJson(path: string, report: ScanReport, cost: ReadCost): string {
  const { table, imageBytes, mapped } = report;
  const document = {
    formatVersion: FORMAT_VERSION,
    image: path,
    imageBytes,
    mappedBytes: mapped.lengthBytes,
    leftOutBytes: imageBytes - mapped.lengthBytes,
    largeGapBytes: report.largeGapBytes,
    partitionTable: {
      scheme: table.scheme,
      sectorBytes: table.sectorBytes,
      isTrusted: table.isTrusted,
      partitions: table.partitions,
    },
    volumes: report.volumes.map(volumeJson),
    findings: report.findings,
    mapped: pairs(mapped),
    cost,
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

function volumeJson({ volume, claims, mappedBytes, leftOutBytes }: VolumeReport): object {
  const { name, startByte, endByte, partition } = volume;
  return {
    name,
    partition: partition?.number,
    startByte,
    endByte,
    mappedBytes,
    leftOutBytes,
    filesystems: claims.map(claimJson),
  };
}

function claimJson({ claim, whole, facts, used }: ClaimResult): object {
  const { type, label, uuid, lengthBytes } = claim;
  return {
    type,
    label,
    uuid,
    lengthBytes,
    mappedWhole: whole,
    state: facts?.state,
    features: facts?.features,
    usedBytes: Object.fromEntries([...used].map(([kind, set]) => [kind, set.lengthBytes])),
  };
}

function pairs(set: RangeSet): readonly (readonly [number, number])[] {
  return [...set].map(({ startByte, endByte }) => [startByte, endByte] as const);
}
