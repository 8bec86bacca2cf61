/**
 * Walks a tree level by level. All children of a level are known before the first is read, so they are
 * read in the order of their addresses and side by side; the order of keys is not needed by anyone here.
 * Holds the addresses of one level: about 50 bytes for a node of 4 to 64 KiB.
 */
import type { NodeReader } from './node-reader.ts';
import {
  corruptNode,
  visitChildren,
  visitItems,
  type ItemVisitor,
  type TreeRoot,
} from './tree-node.ts';

/**
 * Visits every item of a tree once, in no particular order, and names every node.
 * @param onNode gets the logical address of each node that was read and found good.
 * @throws {CorruptError} if any node of the tree cannot be read or is not where a tree may have it.
 */
export function walkTree(
  reader: NodeReader,
  root: TreeRoot,
  onItem: ItemVisitor,
  onNode: (logicalByte: number) => void,
): void {
  let nodes: readonly TreeRoot[] = [root];
  for (let level = root.level; level >= 0; level--) {
    const children: TreeRoot[] = [];
    reader.readAll(nodes, (bytes) => {
      if (level === 0) visitItems(bytes, onItem);
      else {
        visitChildren(bytes, (logicalByte, generation) => {
          if (!Number.isSafeInteger(logicalByte)) {
            throw corruptNode(logicalByte, 'is an address above 2^53');
          }
          children.push({ logicalByte, level: level - 1, generation });
        });
      }
    });
    for (const { logicalByte } of nodes) onNode(logicalByte);
    children.sort((a, b) => a.logicalByte - b.logicalByte);
    refuseRepeated(children);
    nodes = children;
  }
}

/** A node with two parents would be read twice for each level above it: a bomb, not a tree. */
function refuseRepeated(sorted: readonly TreeRoot[]): void {
  for (let index = 1; index < sorted.length; index++) {
    const { logicalByte } = sorted[index]!;
    if (logicalByte === sorted[index - 1]!.logicalByte) {
      throw corruptNode(logicalByte, 'is the child of two nodes of one tree');
    }
  }
}
