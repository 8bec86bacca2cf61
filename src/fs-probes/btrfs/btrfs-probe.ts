/**
 * btrfs: a filesystem whose every structure but the superblock has a logical address, which chunks map
 * to one or several devices. Devices that are volumes of the same image are scanned together.
 *
 * Exact: extents of the extent tree and of the logs that fsync left. Coarse, if those cannot be trusted:
 * whole chunks, so that only room that was never given to a chunk is left out. If not even the chunks
 * can be trusted, the driver maps all devices whole.
 */
import { CorruptError, UnsupportedError, type Place } from '../../errors/errors.ts';
import type { Claim, FsFacts, FsProbe, FsState, ScanSink, Volume } from '../fs-probe.ts';
import { readAllocation, type Allocation } from './allocation.ts';
import type { ChunkMap } from './chunk-map.ts';
import { checkAllocatedBytes, readChunkTree, type DeviceItem } from './chunk-tree.ts';
import { checkDeviceTree } from './device-tree.ts';
import { DeviceSet, openDevices, type Device } from './device-set.ts';
import { featureNames, hasRaidStripeTree } from './features.ts';
import { NodeReader } from './node-reader.ts';
import { reportAllocation, reportDeviceHead, reportWholeChunks } from './report-used.ts';
import { compareSuperblockCopies } from './superblock-copies.ts';
import { hasSuperblockMagic, readSuperblock, type Superblock } from './superblock.ts';
import type { TreeRoot } from './tree-node.ts';

export const btrfsProbe: FsProbe = {
  name: 'btrfs',
  checkCommand: 'btrfs check',

  identify(volume: Volume): Claim | undefined {
    if (!hasSuperblockMagic(volume.reader)) return undefined;
    const type = 'btrfs';
    try {
      const { fsid, label, deviceBytes } = readSuperblock(volume.reader);
      const names = { uuid: fsid, group: fsid, ...(label === '' ? {} : { label }) };
      return { volume, type, lengthBytes: deviceBytes, ...names };
    } catch (error) {
      if (!(error instanceof CorruptError || error instanceof UnsupportedError)) throw error;
      return { volume, type, lengthBytes: volume.reader.sizeBytes };
    }
  },

  scan(claims: readonly Claim[], volumes: readonly Volume[], driver: ScanSink): FsFacts {
    const members = openDevices(claims);
    const sink = nameVolumes(driver, members);
    const devices = new DeviceSet(members, volumes);
    const superblock = newestSuperblock(members, sink);
    const chunkTree = readChunkTree(superblock, devices);
    const { chunks, deviceItems } = chunkTree;
    checkMembers(members, deviceItems);
    reportMissing(deviceItems, devices, sink);
    for (const member of members) {
      for (const finding of compareSuperblockCopies(member)) driver.report(finding);
    }

    const logRootTrees = findLogRootTrees(members, superblock.generation);
    const reader = new NodeReader(chunks, devices, {
      nodeSize: superblock.nodeSize,
      checksum: superblock.checksum,
      fsids: devices.fsids(),
    });
    const allocation = tryReadAllocation(reader, superblock, chunks, logRootTrees, sink);
    if (allocation === undefined) {
      checkAllocatedBytes(chunkTree);
      reportWholeChunks(chunks, devices, sink);
    } else {
      checkDeviceTree(allocation.deviceTree, chunks);
      reportAllocation(allocation, chunks, devices, sink);
    }
    for (const member of members) {
      reportDeviceHead(member, sink);
      reportBehindDevice(member, deviceItems, sink);
    }
    reportDamagedCopies(chunkTree.damagedCopies + reader.damagedCopies, sink);
    return {
      state: stateOf(logRootTrees.length > 0, allocation !== undefined),
      features: featureNames(superblock.features),
    };
  },
};

const place: Place = { structure: 'btrfs device list' };

/** The same sink, but every finding says on which volumes the filesystem lies. */
function nameVolumes(sink: ScanSink, members: readonly Device[]): ScanSink {
  const names = members.map(({ volume }) => volume.name).join(', ');
  const { startByte } = members[0]!.volume;
  return {
    use: (volume, kind, start, end) => sink.use(volume, kind, start, end),
    report: (finding) => sink.report({ startByte, ...finding, text: `${names}: ${finding.text}` }),
  };
}

/**
 * The superblock of the last commit that reached any device. A device that was away for a while lags
 * behind; its nodes are judged one by one, by their generation.
 * @throws {CorruptError} if two devices went different ways.
 */
function newestSuperblock(members: readonly Device[], sink: ScanSink): Superblock {
  const superblocks = members.map(({ superblock }) => superblock);
  const newest = superblocks.reduce((a, b) => (b.generation > a.generation ? b : a));
  for (const { volume, superblock } of members) {
    if (superblock.generation !== newest.generation) {
      const text = `${volume.name} is at generation ${superblock.generation}, the newest device at ${newest.generation}; the newest was believed. Run btrfs scrub and scan again`;
      sink.report({ level: 'warning', code: 'btrfs.device-generation', text });
    } else if (
      superblock.rootTree.logicalByte !== newest.rootTree.logicalByte ||
      superblock.chunkTree.logicalByte !== newest.chunkTree.logicalByte
    ) {
      const message = `two devices have different trees of generation ${newest.generation}`;
      throw new CorruptError('devices-differ', place, message);
    }
  }
  return newest;
}

/** The logs of the newest devices; more than one if a power cut hit while superblocks were written. */
function findLogRootTrees(members: readonly Device[], generation: number): readonly TreeRoot[] {
  const roots = new Map<number, TreeRoot>();
  for (const { superblock } of members) {
    const { logRootTree } = superblock;
    if (superblock.generation === generation && logRootTree !== undefined) {
      roots.set(logRootTree.logicalByte, logRootTree);
    }
  }
  return [...roots.values()];
}

/** The exact allocation; undefined, and a finding, if only the chunks can be believed. */
function tryReadAllocation(
  reader: NodeReader,
  superblock: Superblock,
  chunks: ChunkMap,
  logRootTrees: readonly TreeRoot[],
  sink: ScanSink,
): Allocation | undefined {
  const coarse = (reason: string) => {
    const text = `mapped in whole chunks, only unallocated room is left out: ${reason}`;
    sink.report({ level: 'warning', code: 'btrfs.whole-chunks', text });
    return undefined;
  };
  if (hasRaidStripeTree(superblock.features)) return coarse('raid-stripe-tree is not read');
  try {
    const allocation = readAllocation(reader, superblock, chunks, logRootTrees, sink);
    if (logRootTrees.length > 0) {
      const { nodes, data } = allocation.log;
      const text = `was not cleanly unmounted; its tree log was read: ${nodes.lengthBytes} bytes of nodes and ${data.lengthBytes} bytes of data are mapped in addition; for a tighter map unmount it, and scan again`;
      sink.report({ level: 'warning', code: 'btrfs.log-tree', text });
    }
    return allocation;
  } catch (error) {
    if (error instanceof CorruptError)
      return coarse(`${error.message}. Run btrfs check and scan again`);
    throw error;
  }
}

/** @throws {CorruptError} for a device that the filesystem does not know: removed, or a stale copy. */
function checkMembers(members: readonly Device[], items: readonly DeviceItem[]): void {
  for (const { volume, superblock } of members) {
    const { devid, deviceUuid } = superblock;
    if (items.some((item) => item.devid === devid && item.uuid === deviceUuid)) continue;
    const message = `${volume.name} says it is device ${devid}, which the filesystem does not have`;
    throw new CorruptError('device-unknown', place, message);
  }
}

function reportMissing(items: readonly DeviceItem[], devices: DeviceSet, sink: ScanSink): void {
  const missing = items.filter(({ uuid, devid }) => devices.find(uuid, devid) === undefined);
  if (missing.length === 0) return;
  const numbers = missing.map(({ devid }) => devid).join(', ');
  const text = `${missing.length} of ${items.length} devices are not in this image: ${numbers}; what lies on them is not in the map`;
  sink.report({ level: 'warning', code: 'btrfs.device-missing', text });
}

/** Maps the room between the end that the chunk tree knows and the one that the superblock says. */
function reportBehindDevice(
  { volume, superblock }: Device,
  items: readonly DeviceItem[],
  sink: ScanSink,
): void {
  const item = items.find(({ uuid }) => uuid === superblock.deviceUuid);
  if (item !== undefined && item.totalBytes < superblock.deviceBytes) {
    sink.use(volume, 'reserved', item.totalBytes, superblock.deviceBytes);
  }
}

function reportDamagedCopies(count: number, sink: ScanSink): void {
  if (count === 0) return;
  const text = `${count} copies of tree nodes are damaged; the other copies were read. Run btrfs scrub and scan again`;
  sink.report({ level: 'warning', code: 'btrfs.node-copy', text });
}

function stateOf(hasLog: boolean, isExact: boolean): FsState {
  if (!hasLog) return 'clean';
  return isExact ? 'replayed' : 'dirty';
}
