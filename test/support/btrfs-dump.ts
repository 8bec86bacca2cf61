/**
 * A second opinion on what a btrfs filesystem uses, from the text that `btrfs inspect-internal dump-tree`
 * prints. Knows nothing of places on devices, only of bytes.
 */
import { runBtrfs } from './btrfs-tool.ts';

const STRIP_BYTES = 65536;

interface DumpedChunk {
  readonly startByte: number;
  readonly endByte: number;
  readonly type: string;
  readonly stripeCount: number;
}

/** Bytes on all devices together that the extents of the last commit need, in whole rows where there is parity. */
export function countDumpedBytes(device: string): number {
  const chunks = dumpChunks(device);
  const rows = new Set<string>();
  let sum = 0;
  for (const { startByte, lengthBytes } of dumpExtents(device)) {
    const chunk = chunks.find((one) => one.startByte <= startByte && startByte < one.endByte);
    if (chunk === undefined) throw new Error(`no chunk for the extent at ${startByte}`);
    const parityCount = /RAID5/.test(chunk.type) ? 1 : /RAID6/.test(chunk.type) ? 2 : 0;
    if (parityCount === 0) {
      sum += lengthBytes * copyCount(chunk);
      continue;
    }
    const rowBytes = (chunk.stripeCount - parityCount) * STRIP_BYTES;
    const offset = startByte - chunk.startByte;
    for (let row = Math.floor(offset / rowBytes); row * rowBytes < offset + lengthBytes; row++) {
      const name = `${chunk.startByte} ${row}`;
      if (!rows.has(name)) sum += chunk.stripeCount * STRIP_BYTES;
      rows.add(name);
    }
  }
  return sum;
}

function copyCount({ type, stripeCount }: DumpedChunk): number {
  if (type.includes('RAID10')) return 2;
  return /RAID1|DUP/.test(type) ? stripeCount : 1;
}

function dumpExtents(device: string): readonly { startByte: number; lengthBytes: number }[] {
  const nodeSize = Number(/^nodesize\s+(\d+)/m.exec(dumpSuperblock(device))![1]);
  const text = dumpTree('extent', device);
  return [...text.matchAll(/key \((\d+) (EXTENT|METADATA)_ITEM (\d+)\)/g)].map((match) => ({
    startByte: Number(match[1]),
    lengthBytes: match[2] === 'EXTENT' ? Number(match[3]) : nodeSize,
  }));
}

function dumpChunks(device: string): readonly DumpedChunk[] {
  const pattern =
    /CHUNK_ITEM (\d+)\)[^\n]*\n\s+length (\d+)[^\n]* type (\S+)[^\n]*\n(?:[^\n]*\n)??\s+num_stripes (\d+)/g;
  return [...dumpTree('chunk', device).matchAll(pattern)].map((match) => ({
    startByte: Number(match[1]),
    endByte: Number(match[1]) + Number(match[2]),
    type: match[3]!,
    stripeCount: Number(match[4]),
  }));
}

function dumpTree(name: string, device: string): string {
  return runBtrfs(['inspect-internal', 'dump-tree', '-t', name, device]);
}

function dumpSuperblock(device: string): string {
  return runBtrfs(['inspect-internal', 'dump-super', device]);
}
