import { describe, expect, it } from 'vitest';

import { MemoryReader } from '../../image/memory-reader.ts';
import type { Volume } from '../fs-probe.ts';
import { checksumTypes } from './checksum.ts';
import { METADATA, type Chunk, type Stripe } from './chunk-item.ts';
import { ChunkMap } from './chunk-map.ts';
import type { DeviceSet } from './device-set.ts';
import { NodeReader } from './node-reader.ts';
import { profileOf } from './raid-profile.ts';
import type { TreeRoot } from './tree-node.ts';
import { walkTree } from './tree-walk.ts';

const NODE_BYTES = 4096;
const GENERATION = 9;
const crc32c = checksumTypes[0]!;

/** Address 0 of the chunk is logical address 1 MiB; two copies, one behind the other. */
const LOGICAL = 1 << 20;
const COPY_BYTES = 64 * NODE_BYTES;
const chunk: Chunk = {
  logicalByte: LOGICAL,
  lengthBytes: COPY_BYTES,
  contents: METADATA,
  profile: profileOf(METADATA | 0x20)!,
  stripes: [0, COPY_BYTES].map((startByte) => ({ devid: 1, deviceUuid: 'a', startByte })),
  stripeLengthBytes: COPY_BYTES,
};

class Tree {
  readonly bytes = new Uint8Array(2 * COPY_BYTES);

  /** Writes both copies of node `index`; entries are children, or object ids of empty items. */
  write(index: number, level: number, entries: readonly number[]): void {
    const node = new Uint8Array(NODE_BYTES);
    const view = new DataView(node.buffer);
    view.setBigUint64(0x30, BigInt(address(index)), true);
    view.setBigUint64(0x50, BigInt(GENERATION), true);
    view.setUint32(0x60, entries.length, true);
    view.setUint8(0x64, level);
    for (const [slot, entry] of entries.entries()) {
      if (level === 0) {
        view.setBigUint64(101 + slot * 25, BigInt(entry), true);
        view.setUint32(101 + slot * 25 + 17, NODE_BYTES - 101, true);
      } else {
        view.setBigUint64(101 + slot * 33 + 17, BigInt(address(entry)), true);
        view.setBigUint64(101 + slot * 33 + 25, BigInt(GENERATION), true);
      }
    }
    node.set(crc32c.digest(node.subarray(32)));
    for (const start of [0, COPY_BYTES]) this.bytes.set(node, start + index * NODE_BYTES);
  }

  /** Changes both copies of a node and signs them again. */
  edit(index: number, change: (node: Uint8Array) => void): void {
    for (const start of [0, COPY_BYTES]) {
      const at = start + index * NODE_BYTES;
      const node = this.bytes.subarray(at, at + NODE_BYTES);
      change(node);
      node.set(crc32c.digest(node.subarray(32)));
    }
  }

  walk(
    root: TreeRoot = { logicalByte: address(0), level: 2, generation: GENERATION },
    place: Chunk = chunk,
    missing: readonly string[] = [],
  ) {
    const reads: string[] = [];
    const inner = new MemoryReader(this.bytes);
    const volume: Volume = {
      index: 0,
      name: 'image',
      startByte: 0,
      reader: {
        sizeBytes: inner.sizeBytes,
        readAt: (startByte, lengthBytes) => {
          reads.push(`${startByte / NODE_BYTES}+${lengthBytes / NODE_BYTES}`);
          return inner.readAt(startByte, lengthBytes);
        },
      },
    };
    const volumeOf = ({ deviceUuid }: Stripe) => {
      return missing.includes(deviceUuid) ? undefined : volume;
    };
    const devices = { volumeOf } as unknown as DeviceSet;
    const format = { nodeSize: NODE_BYTES, checksum: crc32c, fsids: [new Uint8Array(16)] };
    const reader = new NodeReader(new ChunkMap([place]), devices, format);
    const items: number[] = [];
    const nodes: number[] = [];
    walkTree(
      reader,
      root,
      (objectid) => void items.push(objectid),
      (logicalByte) => void nodes.push((logicalByte - LOGICAL) / NODE_BYTES),
    );
    return { items: items.toSorted((a, b) => a - b), nodes, reads, damaged: reader.damagedCopies };
  }
}

const address = (index: number) => LOGICAL + index * NODE_BYTES;

function makeTree(): Tree {
  const tree = new Tree();
  tree.write(0, 2, [9, 3]);
  tree.write(3, 1, [7, 20, 6]);
  tree.write(9, 1, [5, 21]);
  for (const leaf of [5, 6, 7, 20, 21]) tree.write(leaf, 0, [leaf * 10, leaf * 10 + 1]);
  return tree;
}

describe('walkTree', () => {
  it('visits every item once and reads every node once, by address, neighbours together', () => {
    const { items, nodes, reads, damaged } = makeTree().walk();
    expect(items).toEqual([50, 51, 60, 61, 70, 71, 200, 201, 210, 211]);
    expect(nodes).toEqual([0, 3, 9, 5, 6, 7, 20, 21]);
    expect(reads).toEqual(['0+1', '3+1', '9+1', '5+3', '20+2']);
    expect(damaged).toBe(0);
  });

  it('reads neighbours one by one where a device of some of them is missing', () => {
    const tree = new Tree();
    tree.write(0, 1, [15, 16]);
    tree.write(15, 0, [1]);
    tree.write(16, 0, [2]);
    // Node 15 ends the first strip, on devices a and b; node 16 starts the second, on c and d.
    const strip = tree.bytes.slice(0, 32 * NODE_BYTES);
    const half = 16 * NODE_BYTES;
    tree.bytes.set(strip.subarray(0, half), 0);
    tree.bytes.set(strip.subarray(half), 3 * half);
    tree.bytes.fill(0, half, 3 * half);
    const raid10: Chunk = {
      ...chunk,
      lengthBytes: 2 * half,
      profile: profileOf(METADATA | 0x40)!,
      stripes: ['a', 'b', 'c', 'd'].map((deviceUuid, index) => {
        return { devid: index, deviceUuid, startByte: index * half };
      }),
      stripeLengthBytes: half,
    };
    const root = { logicalByte: address(0), level: 1, generation: GENERATION };
    expect(tree.walk(root, raid10, ['b', 'c']).items).toEqual([1, 2]);
    expect(() => tree.walk(root, raid10, ['c', 'd'])).toThrow(/its device is missing/);
  });

  it('reads the other copy of a damaged node', () => {
    const tree = makeTree();
    tree.bytes[6 * NODE_BYTES + 300]! ^= 1;
    const { items, reads, damaged } = tree.walk();
    expect(items).toHaveLength(10);
    expect(reads).toContain(`${COPY_BYTES / NODE_BYTES + 6}+1`);
    expect(damaged).toBe(1);
  });

  const spoil: readonly (readonly [string, RegExp, (tree: Tree) => void])[] = [
    [
      'both copies are damaged',
      /no copy can be used/,
      (tree) => {
        for (const start of [0, COPY_BYTES]) tree.bytes[start + 6 * NODE_BYTES + 300]! ^= 1;
      },
    ],
    [
      'a child is another node',
      /it says that it lies at/,
      (tree) => {
        tree.bytes.copyWithin(6 * NODE_BYTES, 7 * NODE_BYTES, 8 * NODE_BYTES);
        tree.bytes.copyWithin(COPY_BYTES + 6 * NODE_BYTES, 7 * NODE_BYTES, 8 * NODE_BYTES);
      },
    ],
    ['a child has another level', /it has level 2 instead of 0/, (tree) => tree.write(6, 2, [5])],
    [
      'a child is its own parent',
      /it has level 1 instead of 0/,
      (tree) => tree.write(3, 1, [3, 20]),
    ],
    ['a node has two parents', /child of two nodes/, (tree) => tree.write(9, 1, [5, 6])],
    ['a node above the leaves is empty', /has no children/, (tree) => tree.write(9, 1, [])],
    ['a child lies in no chunk', /lies in no chunk/, (tree) => tree.write(9, 1, [64])],
    ['a child leaves its chunk', /lies in no chunk/, (tree) => tree.write(9, 1, [63.5])],
    [
      'entries do not fit',
      /entries do not fit/,
      (tree) =>
        tree.edit(9, (node) =>
          new DataView(node.buffer, node.byteOffset).setUint32(0x60, 122, true),
        ),
    ],
  ];
  it.each(spoil)('gives up if %s', (_title, message, change) => {
    const tree = makeTree();
    change(tree);
    expect(() => tree.walk()).toThrow(message);
  });

  it('gives up if the root has another generation or belongs to another filesystem', () => {
    const tree = makeTree();
    const root = { logicalByte: address(0), level: 2, generation: GENERATION };
    expect(() => tree.walk({ ...root, generation: 8 })).toThrow(/generation 9 instead of 8/);
    tree.edit(0, (node) => void (node[0x20] = 1));
    expect(() => tree.walk()).toThrow(/belongs to another filesystem/);
  });

  it('gives up if item data leave their leaf', () => {
    const tree = makeTree();
    tree.edit(6, (node) => void (node[101 + 21] = 1));
    expect(() => tree.walk()).toThrow(/item 0 lies outside/);
  });

  it('gives up if item data lie among the keys', () => {
    const tree = makeTree();
    tree.edit(6, (node) => {
      const view = new DataView(node.buffer, node.byteOffset);
      // Two items of 25 bytes each: the first byte that data may have is 50.
      view.setUint32(101 + 17, 49, true);
    });
    expect(() => tree.walk()).toThrow(/item 0 lies outside/);
  });
});
