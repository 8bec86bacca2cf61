/**
 * A copy in words. Scripts match the lines that bmaptool has, too, so those keep its wording.
 */
import { countMappedBlocks, type Bmap } from '../../bmap/bmap.ts';
import { formatHumanSize, formatPercent } from '../../bmap/human-size.ts';
import type { CopyEvent } from '../../copy/copy-events.ts';
import type { CopyReport } from '../../copy/copy-image.ts';
import { baseName } from '../../copy/discovery.ts';
import type { TargetFacts } from '../../copy/target/target-guard.ts';

/** The lines that an event is worth, for people who are not debugging. */
export function formatCopyEvent(event: CopyEvent): readonly string[] {
  switch (event.kind) {
    case 'map-found':
      return [`discovered bmap file '${event.map}'`];
    case 'inline-signature-found':
      return ['discovered inline signature'];
    case 'signature-found':
      return [`discovered signature file for bmap '${event.signature}'`];
    case 'verifying-signature':
      return [`Trying to verify signature using ${event.program}`];
    case 'signature-verified':
      return [
        `successfully verified bmap file signature of ${event.userId} (fingerprint ${event.fingerprint})`,
      ];
    case 'map-read':
      return describeMap(event.bmap);
    case 'target-checked':
      return event.target.kind === 'block-device' ? [describeTarget(event.target)] : [];
    case 'copying':
      return [describeCopy(event)];
    case 'synchronizing':
      return [`synchronizing '${event.target}'`];
    case 'verifying-target':
      return [`reading back '${event.target}'`];
    case 'rewriting':
      return [`writing ${formatHumanSize(event.bytes)} again to '${event.target}'`];
    case 'target-done':
    case 'target-failed':
    case 'progress':
    case 'finding':
    case 'debug':
      break;
  }
  return [];
}

function describeMap(bmap: Bmap): readonly string[] {
  const { version, blockCount, blockSizeBytes, imageSizeBytes } = bmap;
  const mapped = countMappedBlocks(bmap.ranges);
  const size = formatHumanSize(imageSizeBytes);
  const mappedSize = formatHumanSize(mapped * blockSizeBytes);
  const percent = formatPercent(mapped, blockCount);
  return [
    `block map format version ${version}`,
    `${blockCount} blocks of size ${blockSizeBytes} (${size}), mapped ${mapped} blocks (${mappedSize} or ${percent})`,
  ];
}

function describeCopy({
  image,
  target,
  map,
  isScanned,
}: Extract<CopyEvent, { kind: 'copying' }>): string {
  if (map === undefined) return `no bmap given, copy entire image to '${target.path}'`;
  const place =
    target.kind === 'block-device'
      ? `block device '${target.path}'`
      : `file '${baseName(target.path)}'`;
  const means = isScanned ? 'what is used in it' : `bmap file '${baseName(map)}'`;
  return `copying image '${baseName(image)}' to ${place} using ${means}`;
}

/** `copying time: 1m 2.3s, copying speed 12.3 MiB/sec` */
export function formatCopyTime({ seconds, mappedBytes }: CopyReport): string {
  const speed = seconds > 0 ? Math.floor(mappedBytes / seconds) : 0;
  return `copying time: ${formatHumanTime(seconds)}, copying speed ${formatHumanSize(speed)}/sec`;
}

/** `1h 2m 3.4s`; parts that are zero are left out at the front. */
export function formatHumanTime(seconds: number): string {
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  const parts = [
    ...(hours > 0 ? [`${hours}h`] : []),
    ...(minutes > 0 ? [`${minutes}m`] : []),
    `${(seconds % 60).toFixed(1)}s`,
  ];
  return parts.join(' ');
}

/** What a person recognises a target by: `/dev/sdb: 14.9 GiB, SanDisk Ultra, serial 4C53`. */
export function describeTarget(target: TargetFacts): string {
  if (target.kind !== 'block-device') return `${target.path}: ${target.kind}`;
  const { sizeBytes, model, serial, isPartition } = target.device;
  const parts = [
    formatHumanSize(sizeBytes),
    ...(isPartition ? ['a partition'] : []),
    ...(model === undefined ? [] : [model]),
    ...(serial === undefined ? [] : [`serial ${serial}`]),
  ];
  return `${target.path}: ${parts.join(', ')}`;
}
