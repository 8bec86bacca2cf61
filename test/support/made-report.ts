/** Reports of scans that never were, decided by the real driver: for pictures of disks no test can hold. */
import type { Finding } from '../../src/errors/finding.ts';
import type { ExtentKind, FsFacts } from '../../src/fs-probes/fs-probe.ts';
import type { ImageReader } from '../../src/image/image-reader.ts';
import type { Partition } from '../../src/partition/partition-table.ts';
import type { ByteRange } from '../../src/ranges/byte-range.ts';
import { RangeSet, RangeSetBuilder } from '../../src/ranges/range-set.ts';
import type { ClaimResult, WholeReason } from '../../src/scan/claim-result.ts';
import { decideMapping, type ScanReport } from '../../src/scan/scan-image.ts';
import { allOf } from '../../src/scan/used-extents.ts';
import { listVolumes, type ImageVolume } from '../../src/scan/volumes.ts';

export interface MadeFilesystem {
  readonly type?: string;
  readonly label?: string;
  readonly uuid?: string;
  /** Default: all of the volume. */
  readonly lengthBytes?: number;
  /** Positions of the image. */
  readonly used?: Partial<Record<ExtentKind, RangeSet>>;
  /** Default: understood and clean. */
  readonly facts?: FsFacts;
  readonly whole?: WholeReason;
}

export interface MadePartition extends ByteRange {
  readonly name?: string;
  readonly filesystems?: readonly MadeFilesystem[];
}

export interface MadeDisk {
  readonly imageBytes: number;
  readonly partitions?: readonly MadePartition[];
  /** On the image as a whole. */
  readonly filesystems?: readonly MadeFilesystem[];
  readonly tableRanges?: readonly ByteRange[];
  readonly kept?: RangeSet;
  readonly findings?: readonly Finding[];
}

export function makeReport(disk: MadeDisk): ScanReport {
  const { imageBytes, partitions = [], findings = [] } = disk;
  const reader: ImageReader = {
    sizeBytes: imageBytes,
    readAt: () => {
      throw new RangeError('a made disk holds no bytes');
    },
  };
  const table = {
    scheme: partitions.length === 0 ? ('none' as const) : ('gpt' as const),
    sectorBytes: 512,
    partitions: partitions.map(makePartition),
    tableRanges: disk.tableRanges ?? [],
    isTrusted: true,
    findings: [],
  };
  const volumes = listVolumes(reader, table);
  const claims = volumes.flatMap((volume) => {
    const number = volume.partition?.number;
    const made = number === undefined ? disk.filesystems : partitions[number - 1]!.filesystems;
    return (made ?? []).map((filesystem) => makeClaim(volume, filesystem));
  });
  return decideMapping({
    reader,
    table,
    volumes,
    claims,
    largeGaps: RangeSet.empty,
    releasedGaps: RangeSet.empty,
    kept: disk.kept ?? RangeSet.empty,
    findings,
  });
}

function makePartition({ startByte, endByte, name = '' }: MadePartition, index: number): Partition {
  return {
    number: index + 1,
    scheme: 'gpt',
    type: '0FC63DAF-8483-4772-8E79-3D69D8477DE4',
    typeName: 'Linux filesystem',
    name,
    startByte,
    endByte,
    isContainer: false,
  };
}

function makeClaim(volume: ImageVolume, made: MadeFilesystem): ClaimResult {
  const { type = 'ext4', label, uuid, whole } = made;
  const lengthBytes = made.lengthBytes ?? volume.endByte - volume.startByte;
  const used = new Map(Object.entries(made.used ?? {}) as [ExtentKind, RangeSet][]);
  const claim = {
    volume,
    type,
    lengthBytes,
    ...(label !== undefined && { label }),
    ...(uuid !== undefined && { uuid }),
  };
  const isUnderstood = whole === undefined || whole === 'verity';
  const free = allOf(used).complementWithin(volume.startByte, volume.startByte + lengthBytes);
  return {
    claim,
    probeName: 'made',
    facts: isUnderstood ? (made.facts ?? { state: 'clean' }) : undefined,
    whole,
    used,
    released: whole === undefined ? free : RangeSet.empty,
  };
}

/** `count` runs of `runBytes`, one at the start of each equal part of the range. */
export function makeRuns(
  { startByte, endByte }: ByteRange,
  count: number,
  runBytes: number,
): RangeSet {
  const stepBytes = Math.floor((endByte - startByte) / count);
  const builder = new RangeSetBuilder();
  for (let index = 0; index < count; index++) {
    const at = startByte + index * stepBytes;
    builder.add(at, at + runBytes);
  }
  return builder.build();
}
