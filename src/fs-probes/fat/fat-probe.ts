/**
 * FAT12, FAT16 and FAT32: the file allocation table says for every cluster whether it is used, and
 * everything in front of the clusters always is. No structure has a checksum, so what can be compared
 * is compared first (fat-evidence.ts), and the directories are asked too if the table may lag behind.
 *
 * What is relied on, with sources: docs/formats/fat.md.
 */
import { CorruptError, UnsupportedError } from '../../errors/errors.ts';
import type { Claim, FsFacts, FsProbe, ScanSink, Volume } from '../fs-probe.ts';
import { scanAllocation } from './allocation-scan.ts';
import { BOOT_SECTOR_BYTES, parseBootSector, type BootSector } from './boot-sector.ts';
import {
  hasFatName,
  hasPartitionTable,
  hasSignature,
  isForeignBootSector,
} from './boot-signature.ts';
import { clusterStart, walkDirectories } from './directory-walk.ts';
import {
  checkMediaEntries,
  hasMediaEntry,
  isConfirmedByBackup,
  isMarkedUnclean,
} from './fat-evidence.ts';
import { fatTables, type FatTable } from './fat-table.ts';
import { typeName } from './fat-type.ts';
import { askRootDirectory } from './geometry-witness.ts';

export const fatProbe: FsProbe = { name: 'fat', checkCommand: 'fsck.fat', identify, scan };

/**
 * A sector that calls itself FAT is claimed even if it is damaged, so that the damage is told; any
 * other needs its first table as a witness.
 */
function identify(volume: Volume): Claim | undefined {
  const { reader } = volume;
  if (reader.sizeBytes < BOOT_SECTOR_BYTES) return undefined;
  const bytes = reader.readAt(0, BOOT_SECTOR_BYTES);
  if (isForeignBootSector(bytes)) return undefined;
  const boot = tryParse(bytes);
  const isNamed = hasFatName(bytes) && hasSignature(bytes) && !hasPartitionTable(bytes);
  if (boot === undefined) {
    return isNamed ? { volume, type: 'FAT', lengthBytes: reader.sizeBytes } : undefined;
  }
  const firstTable = fatTables(boot)[0]!;
  const hasWitness =
    boot.rootStartByte <= reader.sizeBytes && hasMediaEntry(reader, boot, firstTable);
  if (!isNamed && !hasWitness) return undefined;
  return {
    volume,
    type: typeName(boot),
    lengthBytes: boot.lengthBytes,
    ...(boot.label !== undefined && { label: boot.label }),
    ...(boot.serial !== undefined && { uuid: boot.serial }),
  };
}

function tryParse(bytes: Uint8Array): BootSector | undefined {
  try {
    return parseBootSector(bytes);
  } catch (error) {
    if (error instanceof CorruptError || error instanceof UnsupportedError) return undefined;
    throw error;
  }
}

function scan(claims: readonly Claim[], _volumes: readonly Volume[], sink: ScanSink): FsFacts {
  const { volume } = claims[0]!;
  const { reader } = volume;
  const boot = parseBootSector(reader.readAt(0, BOOT_SECTOR_BYTES));
  if (boot.lengthBytes > reader.sizeBytes) throw truncated(boot, reader.sizeBytes);
  const tables = fatTables(boot);
  const readings = groupByBits(tables);
  const isConfirmed = isConfirmedByBackup(reader, boot);
  checkMediaEntries(reader, boot, readings[0]!, isConfirmed);

  useFixedAreas(volume, boot, tables, sink);
  const areEqual = readings.map((copies) => useAllocated(volume, boot, copies, sink));
  if (readings.length > 1) reportTwoReadings(volume, boot, sink);

  const isDirty = boot.isMarkedDirty || readings[0]!.some((copy) => isMarkedUnclean(reader, copy));
  const canJudgeChains = areEqual.every(Boolean) && !isDirty;
  if (!isConfirmed) askRootDirectory(reader, boot, readings, canJudgeChains);
  if (isDirty) useDirectories(volume, boot, tables, sink);
  return { state: isDirty ? 'dirty' : 'clean' };
}

/** The copies of the table, one list for each reading of its entries. */
function groupByBits(tables: readonly FatTable[]): readonly (readonly FatTable[])[] {
  const readings = [...new Set(tables.map((table) => table.bits))];
  return readings.map((bits) => tables.filter((table) => table.bits === bits));
}

/** Everything in front of the first cluster, and everything behind the last one that has an entry. */
function useFixedAreas(
  volume: Volume,
  boot: BootSector,
  tables: readonly FatTable[],
  sink: ScanSink,
): void {
  sink.use(volume, 'boot', 0, boot.reservedBytes);
  sink.use(volume, 'fat', boot.reservedBytes, boot.rootStartByte);
  if (boot.rootStartByte < boot.dataStartByte) {
    sink.use(volume, 'directory', boot.rootStartByte, boot.dataStartByte);
  }
  if (boot.rootCluster !== undefined)
    useClusters(volume, boot, sink, 'directory', boot.rootCluster);
  const endCluster = Math.min(...tables.map((table) => table.endCluster));
  const tailStartByte = clusterStart(boot, endCluster);
  if (tailStartByte < boot.lengthBytes) {
    sink.use(volume, 'reserved', tailStartByte, boot.lengthBytes);
  }
  if (endCluster < boot.clusterCount + 2) {
    sink.report({
      level: 'warning',
      code: 'fat.table-too-small',
      text: `${volume.name}: the allocation table has room for only ${endCluster - 2} of ${boot.clusterCount} clusters; the others are mapped. Run fsck.fat and scan again`,
      startByte: volume.startByte + boot.reservedBytes,
    });
  }
}

/** Returns true if all copies say the same. */
function useAllocated(
  volume: Volume,
  boot: BootSector,
  copies: readonly FatTable[],
  sink: ScanSink,
): boolean {
  let badClusters = 0;
  const differsAtByte = scanAllocation(volume.reader, copies, (kind, firstCluster, endCluster) => {
    if (kind === 'bad') badClusters += endCluster - firstCluster;
    useClusters(volume, boot, sink, kind, firstCluster, endCluster);
  });
  if (differsAtByte !== undefined) {
    sink.report({
      level: 'warning',
      code: 'fat.copies-differ',
      text: `${volume.name}: the copies of the allocation table differ; what any of them calls used is mapped. Run fsck.fat and scan again`,
      startByte: volume.startByte + differsAtByte,
    });
  }
  if (badClusters > 0) {
    sink.report({
      level: 'info',
      code: 'fat.bad-clusters',
      text: `${volume.name}: ${badClusters} clusters are marked bad; they are mapped`,
    });
  }
  return differsAtByte === undefined;
}

function useDirectories(
  volume: Volume,
  boot: BootSector,
  tables: readonly FatTable[],
  sink: ScanSink,
): void {
  sink.report({
    level: 'warning',
    code: 'fat.dirty',
    text: `${volume.name}: was not unmounted, or had input/output errors; what its directories name is mapped too. Run fsck.fat and scan again to be sure of its files`,
    startByte: volume.startByte,
  });
  walkDirectories({ reader: volume.reader, boot, tables }, (kind, cluster) => {
    useClusters(volume, boot, sink, kind, cluster);
  });
}

function useClusters(
  volume: Volume,
  boot: BootSector,
  sink: ScanSink,
  kind: 'data' | 'bad' | 'directory',
  firstCluster: number,
  endCluster = firstCluster + 1,
): void {
  sink.use(volume, kind, clusterStart(boot, firstCluster), clusterStart(boot, endCluster));
}

function reportTwoReadings(volume: Volume, boot: BootSector, sink: ScanSink): void {
  sink.report({
    level: 'info',
    code: 'fat.type-ambiguous',
    text: `${volume.name}: with ${boot.clusterCount} clusters some systems read table entries of 12 bits and others of 16; what either of them calls used is mapped`,
  });
}

function truncated(boot: BootSector, sizeBytes: number): CorruptError {
  return new CorruptError(
    'truncated',
    { structure: 'FAT boot sector', startByte: 0 },
    `the filesystem has ${boot.lengthBytes} bytes, and only ${sizeBytes} are here`,
  );
}
