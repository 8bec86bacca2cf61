/** The report for programs. Members are only ever added; docs/report-json.md describes them. */
import type { ReadCost } from '../../image/image-reader.ts';
import type { DiskPicture } from '../../inspect/disk-picture.ts';
import { KIND_STYLES } from '../../inspect/picture-kinds.ts';
import type { RangeSet } from '../../ranges/range-set.ts';
import type { ClaimResult } from '../../scan/claim-result.ts';
import type { ScanReport, VolumeReport } from '../../scan/scan-image.ts';
import { escapeJson } from '../terminal/escape-text.ts';

const FORMAT_VERSION = 1;

/** @returns one JSON document and a line feed. All positions are bytes of the image, ends exclusive. */
export function formatReportJson(path: string, report: ScanReport, cost: ReadCost): string {
  return formatJson(reportDocument(path, report, cost));
}

/** The same with a member `picture`: the bytes of the image, and of each place in it, by kind. */
export function formatInspectJson(path: string, picture: DiskPicture, cost: ReadCost): string {
  const places = picture.places.map(({ report, startByte, endByte, tally }) => ({
    name: report.volume.name,
    partition: report.volume.partition?.number,
    startByte,
    endByte,
    bytesByKind: tallyJson(tally),
  }));
  return formatJson({
    ...reportDocument(path, picture.report, cost),
    picture: { bytesByKind: tallyJson(picture.tally), places },
  });
}

function formatJson(document: object): string {
  return `${escapeJson(JSON.stringify(document, undefined, 2))}\n`;
}

function reportDocument(path: string, report: ScanReport, cost: ReadCost): object {
  const { table, imageBytes, mapped } = report;
  return {
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
}

function tallyJson(tally: Float64Array): object {
  const entries = KIND_STYLES.map(({ kind }, index) => [kind, tally[index]!] as const);
  return Object.fromEntries(entries.filter(([, bytes]) => bytes > 0));
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
    freeBytes: facts?.freeBytes,
    usedBytes: Object.fromEntries([...used].map(([kind, set]) => [kind, set.lengthBytes])),
  };
}

function pairs(set: RangeSet): readonly (readonly [number, number])[] {
  return [...set].map(({ startByte, endByte }) => [startByte, endByte] as const);
}
