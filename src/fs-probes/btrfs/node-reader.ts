/**
 * Reads tree nodes by logical address and verifies them; where one copy is bad, the others are tried.
 * Neighbours are read in one go, since a tree of a million extents has thousands of leaves, most of them
 * side by side.
 */
import type { Chunk } from './chunk-item.ts';
import type { ChunkMap } from './chunk-map.ts';
import type { DeviceSet } from './device-set.ts';
import { copyCount, locateCopy } from './stripe-geometry.ts';
import { corruptNode, findNodeFault, type NodeFormat, type TreeRoot } from './tree-node.ts';

/** Most bytes that one read asks for. */
const BATCH_BYTES = 1 << 20;

export class NodeReader {
  readonly #chunks: ChunkMap;
  readonly #devices: DeviceSet;
  readonly #format: NodeFormat;
  #damagedCopies = 0;

  constructor(chunks: ChunkMap, devices: DeviceSet, format: NodeFormat) {
    this.#chunks = chunks;
    this.#devices = devices;
    this.#format = format;
  }

  get nodeSize(): number {
    return this.#format.nodeSize;
  }

  /** How many nodes there can be at most: what the devices have room for. */
  get mostNodes(): number {
    const deviceBytes = this.#devices.members.map(({ volume }) => volume.reader.sizeBytes);
    return Math.floor(deviceBytes.reduce((sum, bytes) => sum + bytes, 0) / this.nodeSize);
  }

  /** How many copies of nodes were read and found bad while another copy was good. */
  get damagedCopies(): number {
    return this.#damagedCopies;
  }

  /**
   * Reads nodes of one level in the order given and calls `visit` for each.
   * @param nodes by ascending address, for the sake of large reads.
   * @throws {CorruptError} if no copy of a node is good.
   */
  readAll(nodes: readonly TreeRoot[], visit: (bytes: Uint8Array) => void): void {
    const { nodeSize } = this.#format;
    for (let index = 0; index < nodes.length;) {
      const count = this.#countNeighbours(nodes, index);
      const chunk = this.#chunkOf(nodes[index]!);
      const batch = this.#readCopy(chunk, nodes[index]!.logicalByte, count * nodeSize, 0);
      for (let at = 0; at < count; at++) {
        const first = batch?.subarray(at * nodeSize, (at + 1) * nodeSize);
        visit(this.#verified(chunk, nodes[index + at]!, first));
      }
      index += count;
    }
  }

  #verified(chunk: Chunk, node: TreeRoot, firstCopy: Uint8Array | undefined): Uint8Array {
    const faults: string[] = [];
    let damaged = 0;
    for (let copy = 0; copy < copyCount(chunk); copy++) {
      // A batch fails as a whole if one of its nodes lies on a missing device; the others may not.
      const bytes =
        (copy === 0 ? firstCopy : undefined) ??
        this.#readCopy(chunk, node.logicalByte, this.nodeSize, copy);
      const fault = bytes === undefined ? 'its device is missing' : this.#faultOf(bytes, node);
      if (bytes !== undefined && fault === undefined) {
        this.#damagedCopies += damaged;
        return bytes;
      }
      if (bytes !== undefined) damaged++;
      faults.push(`copy ${copy + 1}: ${fault}`);
    }
    throw corruptNode(node.logicalByte, `no copy can be used (${faults.join('; ')})`);
  }

  #faultOf(bytes: Uint8Array, node: TreeRoot): string | undefined {
    return findNodeFault(bytes, node, this.#format);
  }

  /** How many nodes from `index` on lie side by side in one chunk, within the size of a batch. */
  #countNeighbours(nodes: readonly TreeRoot[], index: number): number {
    const { nodeSize } = this.#format;
    const first = nodes[index]!.logicalByte;
    const chunk = this.#chunkOf(nodes[index]!);
    const endByte = Math.min(chunk.logicalByte + chunk.lengthBytes, first + BATCH_BYTES);
    let count = 1;
    while (
      nodes[index + count]?.logicalByte === first + count * nodeSize &&
      first + (count + 1) * nodeSize <= endByte
    ) {
      count++;
    }
    return count;
  }

  #chunkOf({ logicalByte }: TreeRoot): Chunk {
    const chunk = this.#chunks.find(logicalByte);
    if (
      chunk === undefined ||
      logicalByte + this.nodeSize > chunk.logicalByte + chunk.lengthBytes
    ) {
      throw corruptNode(logicalByte, 'lies in no chunk');
    }
    return chunk;
  }

  /** Copy `copy` of logical bytes inside one chunk; undefined if a device that holds it is missing. */
  #readCopy(
    chunk: Chunk,
    logicalByte: number,
    lengthBytes: number,
    copy: number,
  ): Uint8Array | undefined {
    const result = new Uint8Array(lengthBytes);
    const startByte = logicalByte - chunk.logicalByte;
    for (let done = 0; done < lengthBytes;) {
      const part = locateCopy(chunk, startByte + done, startByte + lengthBytes, copy);
      const stripe = chunk.stripes[part.stripeIndex]!;
      const volume = this.#devices.volumeOf(stripe);
      if (volume === undefined) return undefined;
      const partBytes = part.endByte - part.startByte;
      result.set(volume.reader.readAt(stripe.startByte + part.startByte, partBytes), done);
      done += partBytes;
    }
    return result;
  }
}
