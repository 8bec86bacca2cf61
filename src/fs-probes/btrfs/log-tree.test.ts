import { describe, expect, it } from 'vitest';

import { readLogTrees } from './log-tree.ts';
import type { NodeReader } from './node-reader.ts';
import type { TreeRoot } from './tree-node.ts';

const NODE_BYTES = 4096;
const ROOT_ITEM_BYTES = 239;
const ROOT = 65536;
const LOG = 131072;

/** A root tree of logs with `count` items that all name one log, which is empty. */
function makeReader(count: number, mostNodes: number): NodeReader {
  const rootLeaf = new Uint8Array(NODE_BYTES);
  const view = new DataView(rootLeaf.buffer);
  view.setUint32(0x60, count, true);
  for (let index = 0; index < count; index++) {
    const at = 101 + index * 25;
    const dataStart = NODE_BYTES - (index + 1) * ROOT_ITEM_BYTES;
    view.setUint8(at + 8, 132);
    view.setUint32(at + 17, dataStart - 101, true);
    view.setUint32(at + 21, ROOT_ITEM_BYTES, true);
    view.setBigUint64(dataStart + 176, BigInt(LOG), true);
  }
  const readAll = (nodes: readonly TreeRoot[], visit: (bytes: Uint8Array) => void) => {
    for (const { logicalByte } of nodes)
      visit(logicalByte === ROOT ? rootLeaf : new Uint8Array(NODE_BYTES));
  };
  return { nodeSize: NODE_BYTES, mostNodes, readAll } as unknown as NodeReader;
}

describe('readLogTrees', () => {
  const root = { logicalByte: ROOT, level: 0, generation: 1 };

  it('reads as many nodes as the devices have room for', () => {
    const { nodes } = readLogTrees(makeReader(4, 5), [root], 4096);
    expect([...nodes]).toEqual([
      { startByte: ROOT, endByte: ROOT + NODE_BYTES },
      { startByte: LOG, endByte: LOG + NODE_BYTES },
    ]);
  });

  it('gives up on logs that name the same nodes over and over', () => {
    expect(() => readLogTrees(makeReader(5, 5), [root], 4096)).toThrow(/more log nodes/);
  });
});
