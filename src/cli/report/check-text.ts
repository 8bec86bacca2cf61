/** What `check` and `verify` found, as lines for people. Blocks are those of the map. */
import type { BmapRange } from '../../bmap/bmap.ts';
import { formatHumanSize } from '../../bmap/human-size.ts';
import type { BadRange } from '../../bmap/verify-ranges.ts';
import type { CheckReport } from '../../check/check-bmap.ts';
import type { Loss } from '../../check/find-losses.ts';
import type { ByteRange } from '../../ranges/byte-range.ts';
import { alignColumns } from '../terminal/align-columns.ts';

const REASONS: Readonly<Record<BadRange['reason'], string>> = {
  checksum: 'checksum differs',
  unreadable: 'cannot be read',
  'past-end': 'lies behind the end',
  'not-zero': 'is not mapped and not zero',
};

/** Losses first, one line for each extent, then what differs, then the verdict. */
export function formatCheckLines(
  mapName: string,
  report: CheckReport,
  blockSizeBytes: number,
): readonly string[] {
  const { lost, doubtful, mismatches, surplus } = report;
  return [
    ...alignColumns(lost.map((loss) => formatLoss(loss, blockSizeBytes))),
    ...formatBadLines(mismatches, blockSizeBytes),
    ...formatDoubts(doubtful),
    ...surplus.map(
      ({ place, lengthBytes }) =>
        `could leave out ${formatHumanSize(lengthBytes)} more in ${place}`,
    ),
    `${mapName}: ${formatVerdict(report, blockSizeBytes)}`,
  ];
}

/** One line for each bad range. */
export function formatBadLines(
  bad: readonly BadRange[],
  blockSizeBytes: number,
): readonly string[] {
  return bad.map(({ startByte, endByte, reason, calculated, expected }) => {
    const { firstBlock, lastBlock } = toBlocks({ startByte, endByte }, blockSizeBytes);
    const digests =
      calculated === undefined ? '' : `: calculated ${calculated}, should be ${expected}`;
    const place = `blocks ${firstBlock}-${lastBlock} (bytes ${startByte} to ${endByte})`;
    return `${place}: ${REASONS[reason]}${digests}`;
  });
}

function formatLoss(loss: Loss, blockSizeBytes: number): readonly string[] {
  const { firstBlock, lastBlock } = toBlocks(loss, blockSizeBytes);
  return [
    'lost:',
    loss.place,
    loss.filesystem ?? '-',
    loss.kind,
    `first block ${firstBlock}`,
    `${lastBlock - firstBlock + 1} blocks`,
  ];
}

function formatDoubts(doubtful: readonly Loss[]): readonly string[] {
  const sums = new Map<string, number>();
  for (const { place, kind, startByte, endByte } of doubtful) {
    const where = kind === 'slack' ? `behind the filesystem of ${place}` : 'outside of partitions';
    sums.set(where, (sums.get(where) ?? 0) + endByte - startByte);
  }
  return [...sums].map(
    ([where, lengthBytes]) =>
      `in doubt: ${formatHumanSize(lengthBytes)} of zeros ${where} are left out; a device that is not zeroed keeps its old bytes there`,
  );
}

function formatVerdict(report: CheckReport, blockSizeBytes: number): string {
  const { lost, mismatches } = report;
  const faults: string[] = [];
  if (lost.length > 0) {
    const bytes = lost.reduce((sum, { startByte, endByte }) => sum + endByte - startByte, 0);
    const blocks = Math.ceil(bytes / blockSizeBytes);
    faults.push(`loses data: ${lost.length} extents, ${blocks} blocks of ${blockSizeBytes} bytes`);
  }
  if (report.mapImageBytes !== report.imageBytes) {
    faults.push(`is of an image of ${report.mapImageBytes} bytes, not ${report.imageBytes}`);
  }
  if (mismatches.length > 0) faults.push(`${mismatches.length} ranges differ from the image`);
  return faults.length === 0 ? 'loses nothing' : faults.join('; ');
}

function toBlocks({ startByte, endByte }: ByteRange, blockSizeBytes: number): BmapRange {
  return {
    firstBlock: Math.floor(startByte / blockSizeBytes),
    lastBlock: Math.ceil(endByte / blockSizeBytes) - 1,
  };
}
