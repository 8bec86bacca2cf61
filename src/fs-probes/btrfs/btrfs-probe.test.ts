import { createHash } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';

import {
  EditableBtrfs,
  memoryVolume,
  scanVolume,
  type LeafItem,
} from '../../../test/support/btrfs-edit.ts';
import { readFixture, readFixtureFacts } from '../../../test/support/fixtures.ts';
import { describeWith, requireTools } from '../../../test/support/requirements.ts';
import { RangeSet } from '../../ranges/range-set.ts';
import { btrfsProbe } from './btrfs-probe.ts';

const NAME = 'btrfs-treelog';
const facts = readFixtureFacts(NAME);
const reference = RangeSet.of(
  ...facts.reference_used.map(([startByte, endByte]) => ({ startByte, endByte })),
);

/** What makes a second device of a copy of the first. */
const second = { dev_item_devid: 2n, dev_item_uuid: new Uint8Array(16) };

const ROOT_TREE = 1;
const EXTENT_TREE = 2;
const CHUNK_TREE = 3;
const DEVICE_TREE = 4;
const FREE_SPACE_TREE = 10;
const LOG_TREE = Number(0xffff_ffff_ffff_fffan);

describeWith(requireTools('xz'), 'btrfs probe', () => {
  const original = readFixture(NAME);
  const image = new EditableBtrfs(original.slice());
  beforeEach(() => {
    // Tests change nothing but what is used.
    for (const { startByte, endByte } of reference) {
      image.bytes.set(original.subarray(startByte, endByte), startByte);
    }
  });

  /** 8 MiB of data, twice 8 MiB of system and twice 32 MiB of metadata; the rest was never allocated. */
  const wholeChunks = {
    refusal: undefined,
    isReported: true,
    lostBytes: 0,
    isCoarse: true,
    leavesOutTheRest: true,
  };

  it('maps what was on the device at the power cut, no more and no less', () => {
    expect(createHash('sha256').update(original).digest('hex')).toBe(facts.sha256);
    const { used, findings, facts: found } = image.scan();
    expect([...used]).toEqual([...reference]);
    expect(findings.map(({ code }) => code)).toEqual(['btrfs.log-tree']);
    expect(found?.state).toBe('replayed');
  });

  it('says on which volumes the filesystem lies', () => {
    const volume = { ...memoryVolume(image.bytes), name: 'partition 3', startByte: 1 << 20 };
    const [finding] = scanVolume(volume).findings;
    expect(finding?.text).toMatch(/^partition 3: was not cleanly unmounted/);
    expect(finding?.startByte).toBe(1 << 20);
  });

  it('loses what an fsync left if the log is not read', () => {
    image.patchSuperblock({ log_root: 0n });
    const { used, facts: found } = image.scan();
    expect(reference.subtract(used).lengthBytes).toBeGreaterThan(800_000);
    expect(found?.state).toBe('clean');
  });

  describe('claims', () => {
    it('nothing without the magic', () => {
      expect(btrfsProbe.identify(memoryVolume(new Uint8Array(65536)))).toBeUndefined();
      image.bytes[0x1_0040] = 0;
      expect(btrfsProbe.identify(memoryVolume(image.bytes))).toBeUndefined();
    });

    it('the device by its UUID', () => {
      const claim = btrfsProbe.identify(memoryVolume(image.bytes));
      expect(claim).toMatchObject({ type: 'btrfs', lengthBytes: 134217728 });
      expect(claim?.group).toBe('097ed6d2-87d8-4c22-8999-df801ddba272');
    });

    it('the volume, alone, for a superblock that is damaged', () => {
      image.bytes[0x1_0080]! ^= 1;
      const claim = btrfsProbe.identify(memoryVolume(image.bytes));
      expect(claim).toMatchObject({ lengthBytes: 134217728 });
      expect(claim).not.toHaveProperty('group');
      expect(image.scan().refusal).toBe('superblock-checksum');
    });
  });

  describe('refuses', () => {
    it.each([
      ['zoned', { incompat_flags: 0x1371n }],
      ['extent-tree-v2', { incompat_flags: 0x2361n }],
      ['an unknown incompat bit', { incompat_flags: 0x8361n }],
      ['an incompat bit that is not even there yet', { incompat_flags: (1n << 63n) | 0x361n }],
      ['an unknown compat_ro bit', { compat_ro_flags: 0x13n }],
      ['any compat bit', { compat_flags: 1n }],
      ['extents of before 2009', { incompat_flags: 0x360n }],
    ])('%s', (_title, changes) => {
      image.patchSuperblock(changes);
      expect(image.scan()).toMatchObject({ refusal: 'feature' });
    });

    it.each([
      ['a dump of metadata', { flags: 1n | (1n << 33n) }, 'superblock-flags'],
      ['an fsid that is being changed', { flags: 1n | (1n << 36n) }, 'superblock-flags'],
      ['the target of a replacement', { dev_item_devid: 0n }, 'device-replace'],
      ['a device that the chunk tree does not know', { dev_item_devid: 7n }, 'device-number'],
      ['a device that ends behind the image', { dev_item_total_bytes: 134221824n }, 'truncated'],
      ['a superblock of another place', { bytenr: 0x400_0000n }, 'superblock-address'],
      ['nodes of 2 KiB', { nodesize: 2048 }, 'node-size'],
      ['sectors of 3000 bytes', { sectorsize: 3000 }, 'sector-size'],
      ['trees higher than 8', { root_level: 8 }, 'tree-level'],
      ['a generation above 2^53', { generation: 1n << 60n }, 'number-too-large'],
      ['no system chunks', { sys_chunk_array_size: 0 }, 'system-chunk-array'],
      ['system chunks that are cut off', { sys_chunk_array_size: 90 }, 'chunk-item'],
      ['a chunk tree of another generation', { chunk_root_generation: 3n }, 'tree-node'],
    ])('%s', (_title, changes, kind) => {
      image.patchSuperblock(changes);
      expect(image.scan()).toMatchObject({ refusal: kind });
    });

    it('an unknown checksum type, whose checksum nobody can judge', () => {
      image.bytes[0x1_00c4] = 9;
      expect(image.scan().refusal).toBe('checksum-type');
    });

    it('a chunk tree without a good copy', () => {
      damage(CHUNK_TREE);
      expect(image.scan().refusal).toBe('tree-node');
    });

    const changes: readonly (readonly [
      string,
      string,
      (items: readonly LeafItem[]) => readonly LeafItem[],
    ])[] = [
      [
        'a stripe behind the end of the image',
        'stripe-outside',
        withNumber(isDataChunk, 0x38, 1n << 40n),
      ],
      ['two chunks in one place', 'stripes-overlap', withNumber(isDataChunk, 0x38, 22020096n)],
      ['a stripe on a device of another UUID', 'stripe-device', withNumber(isDataChunk, 0x40, 5n)],
      [
        'a stripe on a device of another number',
        'stripe-device',
        withNumber(isDataChunk, 0x30, 5n),
      ],
      [
        'a system chunk that the superblock does not have',
        'system-chunk-array',
        (items) => {
          return items.filter(
            ({ objectid, type, offset }) =>
              type !== 228 || objectid !== 256n || offset !== 22020096n,
          );
        },
      ],
    ];
    it.each(changes)('%s', (_title, kind, change) => {
      image.editTree(CHUNK_TREE, change);
      expect(image.scan().refusal).toBe(kind);
    });

    it('chunks that neither the device tree nor the device confirms', () => {
      image.editTree(
        CHUNK_TREE,
        withNumber(({ type }) => type === 216, 16, 4096n),
      );
      expect(image.scan().refusal).toBeUndefined();
      damage(DEVICE_TREE);
      expect(image.scan().refusal).toBe('allocated-bytes');
    });

    it('chunks that the device tree does not know', () => {
      image.editTree(DEVICE_TREE, (items) =>
        items.filter(({ type }, index) => type !== 204 || index % 2 === 0),
      );
      expect(image.scan().refusal).toBe('device-extents');
    });

    it('a device extent elsewhere than its stripe', () => {
      image.editTree(DEVICE_TREE, (items) =>
        items.map((item) => (item.type === 204 ? { ...item, offset: item.offset + 4096n } : item)),
      );
      expect(image.scan().refusal).toBe('device-extents');
    });

    it('device extents without a chunk', () => {
      image.editTree(DEVICE_TREE, (items) => {
        const extent = items.find(({ type }) => type === 204)!;
        return [...items, { ...extent, offset: 120n << 20n }];
      });
      expect(image.scan().refusal).toBe('device-extents');
    });

    it('a replacement that has not ended', () => {
      const data = new Uint8Array(80);
      data[32] = 1;
      image.editTree(DEVICE_TREE, (items) => [
        ...items.filter(({ type }) => type !== 250),
        { objectid: 0n, type: 250, offset: 0n, data },
      ]);
      expect(image.scan().refusal).toBe('device-replace');
    });
  });

  describe('falls back to whole chunks', () => {
    it.each([
      ['the root tree', ROOT_TREE],
      ['the extent tree', EXTENT_TREE],
      ['the device tree', DEVICE_TREE],
      ['the log', LOG_TREE],
    ])('if %s has no good copy', (_title, owner) => {
      damage(owner);
      expect(fallback()).toEqual(wholeChunks);
    });

    it.each([
      ['a root item', ROOT_TREE, 132, 238],
      ['an extent item', EXTENT_TREE, 168, 23],
      ['a block group item', EXTENT_TREE, 192, 23],
      ['a device extent', DEVICE_TREE, 204, 31],
      ['the state of a replacement', DEVICE_TREE, 250, 39],
    ])('if %s is cut off', (_title, owner, type, lengthBytes) => {
      image.editTree(owner, (items) => [
        ...items.filter((item) => item.type !== type),
        { objectid: 1n, type, offset: 4096n, data: new Uint8Array(lengthBytes) },
      ]);
      expect(fallback()).toEqual(wholeChunks);
    });

    it.each([
      ['the extent tree has no root', withoutRoot(2n)],
      ['the extent tree has two roots', withSecondRoot(2n)],
      ['the device tree has no root', withoutRoot(4n)],
      ['a root is higher than a tree can be', withNumber(isRootOf(2n), 231, 8n << 56n)],
      ['a root lies above 2^53', withNumber(isRootOf(2n), 176, 1n << 60n)],
    ])('if %s', (_title, change) => {
      image.editTree(ROOT_TREE, change);
      expect(fallback()).toEqual(wholeChunks);
    });

    it('if a block group is not one chunk', () => {
      image.editTree(EXTENT_TREE, (items) =>
        items.map((item) => (item.type === 192 ? { ...item, offset: item.offset - 65536n } : item)),
      );
      expect(fallback()).toEqual(wholeChunks);
    });

    it('for data that the raid stripe tree places', () => {
      image.patchSuperblock({ incompat_flags: 0x4361n });
      expect(fallback()).toEqual(wholeChunks);
    });

    it('if the superblock counts other than the extent tree', () => {
      image.patchSuperblock({ bytes_used: 4096n });
      expect(fallback()).toEqual(wholeChunks);
    });

    it('if a node that was read is in no extent', () => {
      const { logicalByte } = liveNodes(ROOT_TREE)[0]!;
      image.editTree(EXTENT_TREE, (items) =>
        items.filter(({ objectid, type }) => type === 192 || objectid !== BigInt(logicalByte)),
      );
      expect(fallback()).toEqual(wholeChunks);
    });

    it('if an extent lies in no chunk', () => {
      image.editTree(EXTENT_TREE, (items) => [
        ...items,
        { objectid: 1n << 40n, type: 168, offset: 4096n, data: extentItem() },
      ]);
      expect(fallback()).toEqual(wholeChunks);
    });

    it.each([
      ['outside of all chunks', 1n << 40n, 4096n],
      ['that is not made of sectors', 13631489n, 4096n],
      ['without a length', 13631488n, 0n],
      ['above 2^53', 1n << 60n, 4096n],
    ])('if a log names an extent %s', (_title, logicalByte, lengthBytes) => {
      image.editTree(LOG_TREE, (items) =>
        items.map((item) => {
          if (item.type !== 108) return item;
          const data = item.data.slice();
          const view = new DataView(data.buffer);
          view.setUint8(20, 1);
          view.setBigUint64(21, logicalByte, true);
          view.setBigUint64(29, lengthBytes, true);
          return { ...item, data };
        }),
      );
      expect(fallback()).toEqual(wholeChunks);
    });

    it.each([
      ['of an unknown type', 3, 53],
      ['that is cut off', 1, 52],
      ['without a type', 0, 20],
    ])('if a log has a file extent %s', (_title, type, lengthBytes) => {
      image.editTree(LOG_TREE, (items) =>
        items.map((item) => {
          if (item.type !== 108) return item;
          const data = item.data.slice(0, lengthBytes);
          data[20] = type;
          return { ...item, data: data.subarray(0, lengthBytes) };
        }),
      );
      expect(fallback()).toEqual(wholeChunks);
    });

    it('if an extent is not made of sectors', () => {
      image.editTree(EXTENT_TREE, (items) => [
        ...items,
        { objectid: 13631489n, type: 168, offset: 4096n, data: extentItem() },
      ]);
      expect(fallback()).toEqual(wholeChunks);
    });
  });

  describe('maps more where records disagree', () => {
    it('a block group whose count does not fit', () => {
      image.editTree(EXTENT_TREE, (items) =>
        items.map((item) => {
          if (item.type !== 192 || item.objectid !== 13631488n) return item;
          const data = item.data.slice();
          data[1]! ^= 0x10;
          return { ...item, data };
        }),
      );
      const { used, findings } = image.scan();
      expect(findings.map(({ code }) => code)).toContain('btrfs.block-group-count');
      expect(reference.subtract(used).isEmpty).toBe(true);
      expect(used.covers(13631488, 13631488 + 8 * 1024 * 1024)).toBe(true);
      expect(used.lengthBytes).toBeLessThan(20_000_000);
    });

    it('free space that the free space tree does not know', () => {
      image.editTree(FREE_SPACE_TREE, (items) => shrinkLastExtent(items));
      const { used, findings } = image.scan();
      expect(findings.map(({ code }) => code)).toContain('btrfs.free-space-tree');
      expect(used.lengthBytes).toBe(reference.lengthBytes + 4096);
    });

    it('but believes no free space tree that is not marked valid', () => {
      image.editTree(FREE_SPACE_TREE, (items) => shrinkLastExtent(items));
      image.patchSuperblock({ compat_ro_flags: 1n });
      expect([...image.scan().used]).toEqual([...reference]);
    });

    it('the end of the device', () => {
      image.editTree(
        CHUNK_TREE,
        withNumber(({ type }) => type === 216, 8, 120n << 20n),
      );
      expect(image.scan().used.covers(120 << 20, original.length)).toBe(true);
    });

    const spoiled: readonly (readonly [string, () => void])[] = [
      ['damaged', () => damage(FREE_SPACE_TREE)],
      ['not there', () => image.editTree(ROOT_TREE, withoutRoot(10n))],
      [
        'cut off in a bitmap',
        () => image.editTree(FREE_SPACE_TREE, (items) => items.map(toShortBitmap)),
      ],
      [
        'out of bounds',
        () =>
          image.editTree(FREE_SPACE_TREE, (items) => {
            return items.map((item) => (item.type === 199 ? { ...item, offset: 1n << 60n } : item));
          }),
      ],
    ];
    it.each(spoiled)('and does without a free space tree that is %s', (_title, spoil) => {
      spoil();
      const { used, findings } = image.scan();
      expect(findings.map(({ code }) => code)).toContain('btrfs.free-space-tree-unreadable');
      expect([...used]).toEqual([...reference]);
    });
  });

  describe('tells of damage that costs nothing', () => {
    it.each([
      ['the chunk tree', CHUNK_TREE],
      ['the extent tree', EXTENT_TREE],
      ['the log', LOG_TREE],
    ])('one copy of %s', (_title, owner) => {
      const [first] = liveNodes(owner);
      image.bytes[first!.startByte + 200]! ^= 1;
      const { used, findings } = image.scan();
      expect(findings.map(({ code }) => code).toSorted()).toEqual([
        'btrfs.log-tree',
        'btrfs.node-copy',
      ]);
      expect([...used]).toEqual([...reference]);
    });

    it.each([
      ['of another commit', { generation: 3n }],
      ['of another filesystem', { fsid: new Uint8Array(16) }],
      ['of another place', { bytenr: 0x1_0000n }],
      ['with unknown features', { incompat_flags: 0x8361n }],
    ])('a copy of the superblock %s', (_title, change) => {
      image.patchSuperblock(change, [0x400_0000]);
      const { used, findings } = image.scan();
      expect(findings.map(({ code }) => code)).toContain('btrfs.superblock-copy');
      expect([...used]).toEqual([...reference]);
    });

    it('but not of a copy that an fsync left behind', () => {
      image.patchSuperblock({ log_root: 0n }, [0x400_0000]);
      expect(image.scan().findings.map(({ code }) => code)).toEqual(['btrfs.log-tree']);
    });

    it('a copy of the superblock whose checksum is wrong', () => {
      image.bytes[0x400_0080]! ^= 1;
      const { used, findings } = image.scan();
      expect(findings.map(({ code }) => code)).toContain('btrfs.superblock-copy');
      expect([...used]).toEqual([...reference]);
    });
  });

  it('reads free space bitmaps, least significant bit first', () => {
    image.editTree(FREE_SPACE_TREE, (items) => items.map(toBitmap));
    const { used, findings } = image.scan();
    expect(findings.map(({ code }) => code)).toEqual(['btrfs.log-tree']);
    expect([...used]).toEqual([...reference]);
  });

  it('maps what a free space bitmap calls used', () => {
    image.editTree(FREE_SPACE_TREE, (items) => {
      const bitmaps = items.map(toBitmap);
      const last = bitmaps.findLast(({ type }) => type === 200)!;
      last.data[1]! ^= 0x20;
      return bitmaps;
    });
    const { used, findings } = image.scan();
    expect(findings.map(({ code }) => code)).toContain('btrfs.free-space-tree');
    expect(used.lengthBytes).toBe(reference.lengthBytes + 4096);
  });

  describe('with a second device', () => {
    it.each([
      ['that is a copy of the first', {}, 'duplicate-device'],
      ['of the same number', { dev_item_uuid: new Uint8Array(16) }, 'duplicate-device'],
      ['that the filesystem does not have', second, 'device-unknown'],
      ['that has other trees', { ...second, root: 4096n }, 'devices-differ'],
      ['that has other nodes', { ...second, nodesize: 8192 }, 'devices-differ'],
    ])('%s is mapped whole', (_title, changes, kind) => {
      const other = new EditableBtrfs(original.slice());
      other.patchSuperblock(changes);
      const volumes = [image.bytes, other.bytes].map((bytes, index) => {
        return { ...memoryVolume(bytes), index, startByte: index * bytes.length };
      });
      const claims = volumes.map((volume) => btrfsProbe.identify(volume)!);
      expect(claims[0]!.group).toBe(claims[1]!.group);
      const sink = { use: () => undefined, report: () => undefined };
      const scan = () => btrfsProbe.scan(claims, volumes, sink, { lean: false });
      expect(scan).toThrow(expect.objectContaining({ kind }));
    });
  });

  it('maps an image whole that is cut anywhere', () => {
    for (const length of [69632, 1_000_000, 14_000_000, 106_000_000, 134217727]) {
      expect(scanVolume(memoryVolume(original.subarray(0, length))).refusal).toBe('truncated');
    }
  });

  /** The nodes that the scan reads, both copies, in the order of their places. */
  function liveNodes(owner: number) {
    const nodes = image.nodes(reference).filter((node) => node.owner === owner);
    const newest = Math.max(...nodes.map(({ generation }) => generation));
    return nodes.filter(({ generation }) => generation === newest);
  }

  function damage(owner: number): void {
    const nodes = liveNodes(owner);
    expect(nodes.length).toBeGreaterThan(1);
    for (const { startByte } of nodes) image.bytes[startByte + 200]! ^= 1;
  }

  function fallback() {
    const { used, findings, refusal } = image.scan();
    return {
      refusal,
      isReported: findings.some(({ code }) => code === 'btrfs.whole-chunks'),
      lostBytes: reference.subtract(used).lengthBytes,
      isCoarse: used.lengthBytes > 30_000_000,
      leavesOutTheRest: used.lengthBytes < original.length - 20_000_000,
    };
  }
});

function isRootOf(tree: bigint): (item: LeafItem) => boolean {
  return ({ objectid, type }) => objectid === tree && type === 132;
}

function withoutRoot(tree: bigint) {
  return (items: readonly LeafItem[]) => items.filter((item) => !isRootOf(tree)(item));
}

function withSecondRoot(tree: bigint) {
  return (items: readonly LeafItem[]) => {
    return [...items, { ...items.find(isRootOf(tree))!, offset: 1n }];
  };
}

function toShortBitmap(item: LeafItem): LeafItem {
  const bitmap = toBitmap(item);
  return bitmap.type === 200 ? { ...bitmap, data: bitmap.data.subarray(1) } : bitmap;
}

/** The only chunk of data in the image. */
function isDataChunk({ type, offset }: LeafItem): boolean {
  return type === 228 && offset === 13631488n;
}

/** Writes a number into the data of the items that are `meant`. */
function withNumber(meant: (item: LeafItem) => boolean, at: number, value: bigint) {
  return (items: readonly LeafItem[]): readonly LeafItem[] =>
    items.map((item) => {
      if (!meant(item)) return item;
      const data = item.data.slice();
      new DataView(data.buffer).setBigUint64(at, value, true);
      return { ...item, data };
    });
}

/** An extent of free space as a bitmap, which the kernel takes where it is smaller. */
function toBitmap(item: LeafItem): LeafItem {
  if (item.type !== 199) return item;
  const sectorCount = Number(item.offset) / 4096;
  const data = new Uint8Array(Math.ceil(sectorCount / 8) + 8);
  for (let sector = 0; sector < sectorCount; sector++) data[sector >> 3]! |= 1 << (sector & 7);
  return { ...item, type: 200, data: data.subarray(0, Math.ceil(sectorCount / 8)) };
}

/** Refs 1, generation 7, flag DATA. */
function extentItem(): Uint8Array {
  const data = new Uint8Array(24);
  data[0] = 1;
  data[8] = 7;
  data[16] = 1;
  return data;
}

/** Takes a sector off the end of the last free extent. */
function shrinkLastExtent(items: readonly LeafItem[]): readonly LeafItem[] {
  const last = items.findLastIndex(({ type }) => type === 199);
  return items.map((item, index) => {
    return index === last ? { ...item, offset: item.offset - 4096n } : item;
  });
}
