/**
 * Turns logical addresses into extents of volumes, with all copies and parity, and names what lies
 * outside of all chunks: the first MiB of each device and the superblocks.
 */
import type { RangeSet } from '../../ranges/range-set.ts';
import type { ExtentKind, ScanSink } from '../fs-probe.ts';
import type { Allocation } from './allocation.ts';
import { DATA, SYSTEM, type Chunk } from './chunk-item.ts';
import type { ChunkMap } from './chunk-map.ts';
import { allChunks } from './cross-check.ts';
import type { Device, DeviceSet } from './device-set.ts';
import { footprint } from './stripe-geometry.ts';
import { SUPERBLOCK_BYTES, SUPERBLOCK_STARTS } from './superblock.ts';

/** Linux makes no chunk in the first MiB of a device: boot loaders live there. */
const RESERVED_BYTES = 1 << 20;

/** Reports the allocated extents of every device that is there. */
export function reportAllocation(
  allocation: Allocation,
  chunks: ChunkMap,
  devices: DeviceSet,
  sink: ScanSink,
): void {
  const { data, metadata, log, doubtful } = allocation;
  reportLogical(data, () => 'data', chunks, devices, sink);
  reportLogical(metadata, nodeKind, chunks, devices, sink);
  reportLogical(log.data, () => 'data', chunks, devices, sink);
  reportLogical(log.nodes, () => 'log-tree', chunks, devices, sink);
  reportLogical(doubtful, contentKind, chunks, devices, sink);
}

/** Reports all chunks whole: only what no chunk was ever given stays out. */
export function reportWholeChunks(chunks: ChunkMap, devices: DeviceSet, sink: ScanSink): void {
  reportLogical(allChunks(chunks), contentKind, chunks, devices, sink);
}

/** Reports the superblocks of a device, and the room kept free around the first. */
export function reportDeviceHead({ volume }: Device, sink: ScanSink): void {
  const reservedEnd = Math.min(RESERVED_BYTES, volume.reader.sizeBytes);
  const firstStart = SUPERBLOCK_STARTS[0]!;
  sink.use(volume, 'reserved', 0, firstStart);
  sink.use(volume, 'reserved', firstStart + SUPERBLOCK_BYTES, reservedEnd);
  for (const startByte of SUPERBLOCK_STARTS) {
    const endByte = startByte + SUPERBLOCK_BYTES;
    if (endByte <= volume.reader.sizeBytes) sink.use(volume, 'superblock', startByte, endByte);
  }
}

function reportLogical(
  logical: RangeSet,
  kindIn: (chunk: Chunk) => ExtentKind,
  chunks: ChunkMap,
  devices: DeviceSet,
  sink: ScanSink,
): void {
  for (const { chunk, startByte, endByte } of chunks.parts(logical)) {
    // Nothing bounds the size of a chunk whose devices are all missing.
    if (chunk.stripes.every((stripe) => devices.volumeOf(stripe) === undefined)) continue;
    const kind = kindIn(chunk);
    for (const part of footprint(chunk, startByte, endByte)) {
      const stripe = chunk.stripes[part.stripeIndex]!;
      const volume = devices.volumeOf(stripe);
      if (volume === undefined) continue;
      sink.use(
        volume,
        part.isParity ? 'parity' : kind,
        stripe.startByte + part.startByte,
        stripe.startByte + part.endByte,
      );
    }
  }
}

function nodeKind({ contents }: Chunk): ExtentKind {
  return contents & SYSTEM ? 'chunk-tree' : 'metadata';
}

function contentKind(chunk: Chunk): ExtentKind {
  return chunk.contents & DATA ? 'data' : nodeKind(chunk);
}
