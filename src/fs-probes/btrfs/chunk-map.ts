/**
 * The map from logical addresses to chunks: sorted, without overlaps, and pure. Everything in btrfs
 * except the superblock is addressed logically.
 */
import { CorruptError, type Place } from '../../errors/errors.ts';
import type { RangeSet } from '../../ranges/range-set.ts';
import type { Chunk } from './chunk-item.ts';

const place: Place = { structure: 'btrfs chunk map' };

/** Bytes `[startByte, endByte)` of a chunk, counted from the chunk's start. */
export interface ChunkPart {
  readonly chunk: Chunk;
  readonly startByte: number;
  readonly endByte: number;
}

export class ChunkMap {
  /** Sorted by logical address. */
  readonly chunks: readonly Chunk[];

  /** @throws {CorruptError} if two chunks overlap, logically or on a device. */
  constructor(chunks: readonly Chunk[]) {
    this.chunks = chunks.toSorted((a, b) => a.logicalByte - b.logicalByte);
    assertLogicallyDisjoint(this.chunks);
    assertPhysicallyDisjoint(this.chunks);
  }

  /** The chunk that holds a logical address, by bisection. */
  find(logicalByte: number): Chunk | undefined {
    const chunk = this.chunks[this.#indexAbove(logicalByte) - 1];
    if (chunk === undefined || logicalByte >= chunk.logicalByte + chunk.lengthBytes)
      return undefined;
    return chunk;
  }

  /**
   * Cuts a set of logical addresses at the chunks that hold it, in ascending order.
   * @throws {CorruptError} if a part of the set lies in no chunk.
   */
  *parts(logical: RangeSet): Generator<ChunkPart> {
    let index = 0;
    for (const range of logical) {
      let at = range.startByte;
      while (at < range.endByte) {
        let chunk = this.chunks[index];
        while (chunk !== undefined && chunk.logicalByte + chunk.lengthBytes <= at) {
          chunk = this.chunks[++index];
        }
        if (chunk === undefined || chunk.logicalByte > at) {
          throw new CorruptError('outside-chunks', place, `no chunk holds logical address ${at}`);
        }
        const chunkEnd = chunk.logicalByte + chunk.lengthBytes;
        const endByte = Math.min(range.endByte, chunkEnd);
        yield { chunk, startByte: at - chunk.logicalByte, endByte: endByte - chunk.logicalByte };
        at = endByte;
      }
    }
  }

  #indexAbove(logicalByte: number): number {
    let low = 0;
    let high = this.chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.chunks[middle]!.logicalByte <= logicalByte) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function assertLogicallyDisjoint(sorted: readonly Chunk[]): void {
  let endByte = 0;
  for (const { logicalByte, lengthBytes } of sorted) {
    if (logicalByte < endByte) {
      const message = `two chunks hold logical address ${logicalByte}`;
      throw new CorruptError('chunks-overlap', place, message);
    }
    endByte = logicalByte + lengthBytes;
  }
}

function assertPhysicallyDisjoint(chunks: readonly Chunk[]): void {
  const parts = chunks
    .flatMap(({ stripes, stripeLengthBytes }) =>
      stripes.map(({ deviceUuid, startByte }) => {
        return { deviceUuid, startByte, endByte: startByte + stripeLengthBytes };
      }),
    )
    .toSorted((a, b) => a.startByte - b.startByte);
  const endOnDevice = new Map<string, number>();
  for (const { deviceUuid, startByte, endByte } of parts) {
    if (startByte < (endOnDevice.get(deviceUuid) ?? 0)) {
      const message = `two chunks hold byte ${startByte} of device ${deviceUuid}`;
      throw new CorruptError('stripes-overlap', place, message);
    }
    endOnDevice.set(deviceUuid, endByte);
  }
}
