/**
 * Reads the chunk tree: every chunk, and every device of the filesystem. It lies in system chunks, which
 * the superblock lists itself, so that reading can start.
 */
import { toSafeNumber } from '../../bytes/safe-number.ts';
import { decode, byteRun, layout, u64le } from '../../bytes/layout.ts';
import { formatUuid } from '../../bytes/guid.ts';
import { CorruptError, type Place } from '../../errors/errors.ts';
import { ChunkMap } from './chunk-map.ts';
import { CHUNK_ITEM_KEY, parseChunkItem, parseSystemChunkArray, type Chunk } from './chunk-item.ts';
import type { DeviceSet } from './device-set.ts';
import { NodeReader } from './node-reader.ts';
import type { Superblock } from './superblock.ts';
import { corruptNode } from './tree-node.ts';
import { walkTree } from './tree-walk.ts';

const DEV_ITEM_KEY = 216;

const deviceItemLayout = layout('btrfs device item', 98, {
  devid: u64le(0),
  total_bytes: u64le(8),
  bytes_used: u64le(16),
  uuid: byteRun(66, 16),
});

/** A device as the chunk tree lists it. */
export interface DeviceItem {
  readonly devid: number;
  readonly uuid: string;
  readonly totalBytes: number;
  /** Bytes of it that belong to chunks. */
  readonly allocatedBytes: number;
}

export interface ChunkTree {
  readonly chunks: ChunkMap;
  readonly deviceItems: readonly DeviceItem[];
  readonly damagedCopies: number;
}

/** @throws {CorruptError | UnsupportedError} if the tree is damaged: then no address is known. */
export function readChunkTree(superblock: Superblock, devices: DeviceSet): ChunkTree {
  const systemChunks = parseSystemChunkArray(superblock.systemChunkArray);
  const reader = new NodeReader(boundedChunkMap(systemChunks, devices), devices, {
    nodeSize: superblock.nodeSize,
    checksum: superblock.checksum,
    fsids: devices.fsids(),
  });
  const chunks = new Map<number, Chunk>();
  const deviceItems: DeviceItem[] = [];
  walkTree(
    reader,
    superblock.chunkTree,
    (_objectid, type, offset, data) => {
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      if (type === CHUNK_ITEM_KEY) {
        if (!Number.isSafeInteger(offset)) throw corruptNode(offset, 'is a chunk above 2^53');
        chunks.set(offset, parseChunkItem(bytes, 0, offset));
      } else if (type === DEV_ITEM_KEY) deviceItems.push(parseDeviceItem(bytes));
    },
    () => undefined,
  );
  for (const chunk of systemChunks) {
    const same = chunks.get(chunk.logicalByte);
    if (same === undefined || !hasSameStripes(same, chunk)) {
      const place: Place = { structure: 'btrfs sys_chunk_array' };
      const message = `the chunk for logical address ${chunk.logicalByte} differs from the chunk tree`;
      throw new CorruptError('system-chunk-array', place, message);
    }
  }
  checkStripesAreListed([...chunks.values()], deviceItems);
  return {
    chunks: boundedChunkMap([...chunks.values()], devices),
    deviceItems,
    damagedCopies: reader.damagedCopies,
  };
}

/**
 * Compares what each device counts with the chunks on it: the only check left when the device tree
 * cannot be read.
 * @throws {CorruptError} if they differ: then a chunk may be missing.
 */
export function checkAllocatedBytes({ chunks, deviceItems }: ChunkTree): void {
  const found = new Map<number, number>();
  for (const { stripes, stripeLengthBytes } of chunks.chunks) {
    for (const { devid } of stripes) {
      found.set(devid, (found.get(devid) ?? 0) + stripeLengthBytes);
    }
  }
  for (const { devid, allocatedBytes } of deviceItems) {
    const bytes = found.get(devid) ?? 0;
    if (bytes === allocatedBytes) continue;
    const place: Place = { structure: 'btrfs chunk tree' };
    const message = `device ${devid} counts ${allocatedBytes} bytes of chunks, its chunks have ${bytes}`;
    throw new CorruptError('allocated-bytes', place, message);
  }
}

/** @throws {CorruptError} if a stripe lies on a device that the chunk tree does not list. */
function checkStripesAreListed(chunks: readonly Chunk[], items: readonly DeviceItem[]): void {
  const listed = new Set(items.map(({ devid, uuid }) => `${devid} ${uuid}`));
  for (const { logicalByte, stripes } of chunks) {
    const stray = stripes.find(({ devid, deviceUuid }) => !listed.has(`${devid} ${deviceUuid}`));
    if (stray === undefined) continue;
    const place: Place = { structure: `btrfs chunk for logical address ${logicalByte}` };
    const message = `lies on device ${stray.devid}, which is not listed under this UUID`;
    throw new CorruptError('stripe-device', place, message);
  }
}

/** @throws {CorruptError} if chunks overlap, or a stripe leaves the volume of its device. */
function boundedChunkMap(chunks: readonly Chunk[], devices: DeviceSet): ChunkMap {
  for (const { stripes, stripeLengthBytes, logicalByte } of chunks) {
    for (const stripe of stripes) {
      const volume = devices.volumeOf(stripe);
      const endByte = stripe.startByte + stripeLengthBytes;
      if (volume !== undefined && endByte > volume.reader.sizeBytes) {
        const place: Place = { structure: `btrfs chunk for logical address ${logicalByte}` };
        const message = `its stripe ends at byte ${endByte}, behind the end of ${volume.name}`;
        throw new CorruptError('stripe-outside', place, message);
      }
    }
  }
  return new ChunkMap(chunks);
}

function parseDeviceItem(bytes: Uint8Array): DeviceItem {
  const place: Place = { structure: deviceItemLayout.name };
  if (bytes.length < deviceItemLayout.lengthBytes) {
    throw new CorruptError('device-item', place, 'is cut off');
  }
  const raw = decode(deviceItemLayout, bytes);
  return {
    devid: toSafeNumber(raw.devid, 'devid', place),
    uuid: formatUuid(raw.uuid),
    totalBytes: toSafeNumber(raw.total_bytes, 'total_bytes', place),
    allocatedBytes: toSafeNumber(raw.bytes_used, 'bytes_used', place),
  };
}

function hasSameStripes(a: Chunk, b: Chunk): boolean {
  return (
    a.lengthBytes === b.lengthBytes &&
    a.profile === b.profile &&
    a.stripes.length === b.stripes.length &&
    a.stripes.every((stripe, index) => {
      const other = b.stripes[index]!;
      return stripe.deviceUuid === other.deviceUuid && stripe.startByte === other.startByte;
    })
  );
}
