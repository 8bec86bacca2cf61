/** What is odd about where partitions lie. Nothing is corrected: the map follows from all of them. */
import type { Finding } from '../errors/finding.ts';
import type { Partition } from './partition-table.ts';

/** @param partitions in the order of the table, of one or more schemes. */
export function checkPlacement(
  partitions: readonly Partition[],
  imageBytes: number,
): readonly Finding[] {
  return [
    ...partitions.flatMap((partition) => checkBounds(partition, imageBytes)),
    ...findOverlaps(partitions),
    ...checkOrder(partitions),
  ];
}

function checkBounds(partition: Partition, imageBytes: number): readonly Finding[] {
  const { startByte, endByte } = partition;
  const name = describe(partition);
  if (startByte === endByte) {
    const text = `${name} is empty; it is ignored`;
    return [{ level: 'info', code: 'partition.empty', text, startByte }];
  }
  if (endByte <= imageBytes) return [];
  const text =
    startByte >= imageBytes
      ? `${name} lies behind the end of the image; nothing of it is mapped. Is the image complete?`
      : `${name} ends at byte ${endByte}, behind the end of the image; a filesystem that reaches that far is mapped whole. Is the image complete?`;
  return [{ level: 'warning', code: 'partition.past-end', text, startByte }];
}

/** One finding for each partition that starts inside one before it on disk. */
function findOverlaps(partitions: readonly Partition[]): readonly Finding[] {
  const findings: Finding[] = [];
  let widest: Partition | undefined;
  const inDiskOrder = partitions
    .filter(({ isContainer, startByte, endByte }) => !isContainer && startByte < endByte)
    .toSorted((a, b) => a.startByte - b.startByte || b.endByte - a.endByte);
  for (const partition of inDiskOrder) {
    if (widest !== undefined && partition.startByte < widest.endByte) {
      if (!isTwin(partition, widest)) findings.push(reportOverlap(partition, widest));
    }
    if (widest === undefined || partition.endByte > widest.endByte) widest = partition;
  }
  return findings;
}

/** A hybrid MBR names partitions of the GPT once more: that is what it is for. */
function isTwin(one: Partition, other: Partition): boolean {
  return (
    one.scheme !== other.scheme &&
    one.startByte === other.startByte &&
    one.endByte === other.endByte
  );
}

function reportOverlap(partition: Partition, other: Partition): Finding {
  return {
    level: 'warning',
    code: 'partition.overlap',
    text: `${describe(partition)} starts inside ${describe(other)}; only blocks that both leave free are left out. Check the table with fdisk`,
    startByte: partition.startByte,
  };
}

/** Logical partitions count on their own: their numbers never follow the disk together with others. */
function checkOrder(partitions: readonly Partition[]): readonly Finding[] {
  const isOutOfOrder = (scheme: Partition['scheme']): boolean => {
    const starts = partitions.filter((p) => p.scheme === scheme).map((p) => p.startByte);
    return starts.some((startByte, index) => startByte < (starts[index - 1] ?? 0));
  };
  if (!(['gpt', 'mbr', 'logical'] as const).some(isOutOfOrder)) return [];
  const text =
    'the partitions are not numbered in the order in which they lie on disk; the map does not depend on it';
  return [{ level: 'info', code: 'partition.order', text }];
}

function describe({ scheme, number }: Partition): string {
  return scheme === 'mbr' ? `MBR partition ${number}` : `partition ${number}`;
}
