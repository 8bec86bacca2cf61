/**
 * Changes btrfs images in memory, one thing at a time, and signs what was changed again: what no mkfs
 * makes, and every single mistake. For filesystems on one device.
 */
import { encodeInto, type Decoded } from '../../src/bytes/layout.ts';
import { CorruptError, UnsupportedError } from '../../src/errors/errors.ts';
import type { Finding } from '../../src/errors/finding.ts';
import { btrfsProbe } from '../../src/fs-probes/btrfs/btrfs-probe.ts';
import {
  CHECKSUM_BYTES,
  checksumTypes,
  type ChecksumType,
} from '../../src/fs-probes/btrfs/checksum.ts';
import {
  parseSuperblock,
  SUPERBLOCK_BYTES,
  SUPERBLOCK_STARTS,
  superblockLayout,
  type Superblock,
} from '../../src/fs-probes/btrfs/superblock.ts';
import { NODE_HEADER_BYTES } from '../../src/fs-probes/btrfs/tree-node.ts';
import type { FsFacts, Volume } from '../../src/fs-probes/fs-probe.ts';
import { loadOnDemand } from '../../src/fs-probes/load-on-demand.ts';
import { MemoryReader } from '../../src/image/memory-reader.ts';
import { RangeSet, RangeSetBuilder } from '../../src/ranges/range-set.ts';

/** A tree node as it lies on the device; copies are nodes of their own with the same address. */
export interface NodePlace {
  readonly startByte: number;
  readonly logicalByte: number;
  readonly owner: number;
  readonly level: number;
  readonly generation: number;
}

export interface LeafItem {
  readonly objectid: bigint;
  readonly type: number;
  readonly offset: bigint;
  readonly data: Uint8Array;
}

export interface ScannedVolume {
  /** The whole volume if the scan was refused. */
  readonly used: RangeSet;
  readonly findings: readonly Finding[];
  readonly facts: FsFacts | undefined;
  /** The kind of the error that refused the scan. */
  readonly refusal: string | undefined;
}

const primaryStart = SUPERBLOCK_STARTS[0]!;

// Here the probe is asked directly, without the driver that loads what it needs.
for (const type of checksumTypes) await loadOnDemand(() => type.digest(new Uint8Array()));

export class EditableBtrfs {
  readonly bytes: Uint8Array;

  readonly checksum: ChecksumType;

  /** @param bytes a whole device, sound as yet; it is changed in place. */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.checksum = this.superblock.checksum;
  }

  get superblock(): Superblock {
    return parseSuperblock(
      this.bytes.subarray(primaryStart, primaryStart + SUPERBLOCK_BYTES),
      primaryStart,
    );
  }

  /** Changes fields of the superblock and its copies, or only of those named. */
  patchSuperblock(
    changes: Partial<Decoded<typeof superblockLayout.fields>>,
    starts = SUPERBLOCK_STARTS,
  ): void {
    const { checksum } = this;
    for (const startByte of starts) {
      if (startByte + SUPERBLOCK_BYTES > this.bytes.length) break;
      const block = this.bytes.subarray(startByte, startByte + SUPERBLOCK_BYTES);
      encodeInto(superblockLayout, block, changes);
      block.fill(0, 0, CHECKSUM_BYTES);
      block.set(checksum.digest(block.subarray(CHECKSUM_BYTES)));
    }
  }

  /** All sound nodes inside `within`, live or stale, in the order of their places. */
  nodes(within: RangeSet): readonly NodePlace[] {
    const { checksum } = this;
    const { nodeSize } = this.superblock;
    const places: NodePlace[] = [];
    for (const range of within) {
      for (let at = range.startByte; at + nodeSize <= range.endByte; at += 4096) {
        const node = this.bytes.subarray(at, at + nodeSize);
        const digest = checksum.digest(node.subarray(CHECKSUM_BYTES));
        if (!digest.every((byte, index) => byte === node[index])) continue;
        const view = this.#view(at);
        places.push({
          startByte: at,
          logicalByte: Number(view.getBigUint64(0x30, true)),
          owner: Number(view.getBigUint64(0x58, true)),
          level: view.getUint8(0x64),
          generation: Number(view.getBigUint64(0x50, true)),
        });
      }
    }
    return places;
  }

  /** Signs the node at `startByte` again. */
  seal(startByte: number): void {
    const node = this.bytes.subarray(startByte, startByte + this.superblock.nodeSize);
    node.fill(0, 0, CHECKSUM_BYTES);
    node.set(this.checksum.digest(node.subarray(CHECKSUM_BYTES)));
  }

  items({ startByte }: NodePlace): readonly LeafItem[] {
    const view = this.#view(startByte);
    return Array.from({ length: view.getUint32(0x60, true) }, (_, index) => {
      const at = NODE_HEADER_BYTES + index * 25;
      const dataStart = startByte + NODE_HEADER_BYTES + view.getUint32(at + 17, true);
      return {
        objectid: view.getBigUint64(at, true),
        type: view.getUint8(at + 8),
        offset: view.getBigUint64(at + 9, true),
        data: this.bytes.slice(dataStart, dataStart + view.getUint32(at + 21, true)),
      };
    });
  }

  /** Replaces all items of a leaf, sorts them by key and signs the leaf. */
  setItems({ startByte }: NodePlace, items: readonly LeafItem[]): void {
    const { nodeSize } = this.superblock;
    const view = this.#view(startByte);
    this.bytes.fill(0, startByte + NODE_HEADER_BYTES, startByte + nodeSize);
    view.setUint32(0x60, items.length, true);
    let dataEnd = nodeSize;
    for (const [index, item] of items.toSorted(compareKeys).entries()) {
      const at = NODE_HEADER_BYTES + index * 25;
      dataEnd -= item.data.length;
      view.setBigUint64(at, item.objectid, true);
      view.setUint8(at + 8, item.type);
      view.setBigUint64(at + 9, item.offset, true);
      view.setUint32(at + 17, dataEnd - NODE_HEADER_BYTES, true);
      view.setUint32(at + 21, item.data.length, true);
      this.bytes.set(item.data, startByte + dataEnd);
    }
    this.seal(startByte);
  }

  /** Changes the items of the only leaf of a tree, in all copies. */
  editTree(owner: number, change: (items: readonly LeafItem[]) => readonly LeafItem[]): void {
    const used = this.scan().used;
    const leaves = this.nodes(used).filter((node) => node.owner === owner && node.level === 0);
    const generation = Math.max(...leaves.map((leaf) => leaf.generation));
    for (const leaf of leaves) {
      if (leaf.generation === generation) this.setItems(leaf, change(this.items(leaf)));
    }
  }

  /** Scans the device as one volume. */
  scan(): ScannedVolume {
    return scanVolume(memoryVolume(this.bytes));
  }

  #view(startByte: number): DataView {
    return new DataView(this.bytes.buffer, this.bytes.byteOffset + startByte);
  }
}

export function memoryVolume(bytes: Uint8Array): Volume {
  return { index: 0, name: 'image', startByte: 0, reader: new MemoryReader(bytes) };
}

/** Scans as the driver does: an error of ours maps the volume whole, any other ends the test. */
export function scanVolume(volume: Volume): ScannedVolume {
  const whole = RangeSet.of({ startByte: 0, endByte: volume.reader.sizeBytes });
  const claim = btrfsProbe.identify(volume);
  if (claim === undefined)
    return { used: whole, findings: [], facts: undefined, refusal: 'no claim' };
  const used = new RangeSetBuilder();
  const findings: Finding[] = [];
  try {
    const facts = btrfsProbe.scan(
      [claim],
      [volume],
      {
        use: (_volume, _kind, startByte, endByte) => used.add(startByte, endByte),
        report: (finding) => void findings.push(finding),
      },
      { lean: false },
    );
    used.add(Math.min(claim.lengthBytes, volume.reader.sizeBytes), volume.reader.sizeBytes);
    return { used: used.build(), findings, facts, refusal: undefined };
  } catch (error) {
    if (!(error instanceof CorruptError || error instanceof UnsupportedError)) throw error;
    return { used: whole, findings, facts: undefined, refusal: error.kind };
  }
}

function compareKeys(a: LeafItem, b: LeafItem): number {
  const difference = a.objectid - b.objectid || BigInt(a.type - b.type) || a.offset - b.offset;
  return Number(difference > 0n) - Number(difference < 0n);
}
