/** What the btrfs-progs of today cannot make: an image of a real power cut, and a block group tree. */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';

import { EditableBtrfs, type LeafItem } from '../support/btrfs-edit.ts';
import {
  fillWithFiles,
  judgeImage,
  makeEmptyImage,
  MIB,
  noise,
  withBtrfs,
  withDevices,
} from '../support/btrfs-image.ts';
import { tryBtrfs } from '../support/btrfs-tool.ts';
import { readFixture, readFixtureFacts } from '../support/fixtures.ts';
import { makePoisonedCopy, scanFileForTest } from '../support/poison.ts';
import { describeWith, requireRoot, requireTools } from '../support/requirements.ts';
import { run } from '../support/run.ts';
import { makeScratchFolder } from '../support/scratch.ts';

const needs = [...requireRoot(), ...requireTools('mkfs.btrfs', 'btrfs', 'mount', 'losetup', 'xz')];

describeWith(needs, 'poisoned btrfs', () => {
  it('has all files of the power cut after the kernel replayed its log', async () => {
    const facts = readFixtureFacts('btrfs-treelog');
    const file = path.join(makeScratchFolder(), 'image');
    writeFileSync(file, readFixture('btrfs-treelog'));
    const copy = `${file}.poisoned`;
    makePoisonedCopy(file, (await scanFileForTest(file)).mapped, copy);
    const image = { file: copy, devices: [{ startByte: 0, lengthBytes: facts.size }] };
    withDevices(image, {}, (devices) => {
      withBtrfs(devices, {}, (folder) => {
        const wanted = Object.entries(facts.manifest_after_recovery);
        const files = wanted.filter(([, line]) => line.startsWith('F '));
        expect(files.length).toBeGreaterThan(40);
        const found = files.map(([name, line]) => {
          const bytes = readFileSync(path.join(folder, name));
          const digest = createHash('sha256').update(bytes).digest('hex').slice(0, 16);
          return [name, `${line.split(' ', 2).join(' ')} ${bytes.length} ${digest}`];
        });
        expect(found).toEqual(files);
      });
    });
  });

  it('with sectors of 64 KiB, which kernels with smaller pages do not mount', async () => {
    const source = makeScratchFolder();
    fillWithFiles(source);
    const file = makeEmptyImage(path.join(makeScratchFolder(), 'image'), [400 * MIB]).file;
    run('mkfs.btrfs', ['-q', '-s', '65536', '-n', '65536', '--rootdir', source, file]);
    const report = await scanFileForTest(file);
    expect(report.findings).toEqual([]);
    const copy = `${file}.poisoned`;
    makePoisonedCopy(file, report.mapped, copy);
    const { status, stdout, stderr } = tryBtrfs(['check', '--check-data-csum', copy]);
    expect({ status, stderr, hasErrors: !stdout.includes('no error found') }).toMatchObject({
      status: 0,
      hasErrors: false,
    });
  });

  it('with a block group tree', async () => {
    const image = makeEmptyImage(path.join(makeScratchFolder(), 'image'), [128 * MIB]);
    withDevices(image, {}, (devices) => {
      run('mkfs.btrfs', ['--quiet', '-m', 'single', ...devices]);
      withBtrfs(devices, {}, (folder) => {
        for (let index = 0; index < 8; index++) {
          writeFileSync(path.join(folder, `file-${index}`), noise(index, 90_000 * (index + 1)));
        }
      });
    });
    const edited = new EditableBtrfs(new Uint8Array(readFileSync(image.file)));
    moveBlockGroups(edited);
    writeFileSync(image.file, edited.bytes);
    const { report } = await judgeImage(image);
    expect(report.findings).toEqual([]);
    expect(report.volumes[0]!.claims[0]!.facts?.features).toContain('block-group-tree');
  });
});

const EXTENT_TREE = 2;
const FREE_SPACE_TREE = 10;
const BLOCK_GROUP_TREE = 11;
const BLOCK_GROUP_ITEM = 192;

/** Makes a leaf for the block group tree, moves the block group items there and lists it everywhere. */
function moveBlockGroups(image: EditableBtrfs): void {
  const { superblock } = image;
  const { nodeSize, usedBytes, features } = superblock;
  const nodes = image.nodes(image.scan().used);
  const extentLeaf = nodes.findLast(({ owner, generation }) => {
    return owner === EXTENT_TREE && generation === superblock.generation;
  })!;
  const groups = image.items(extentLeaf).filter(({ type }) => type === BLOCK_GROUP_ITEM);
  const metadata = groups.find(({ objectid, offset }) => {
    const distance = extentLeaf.logicalByte - Number(objectid);
    return distance >= 0 && distance < Number(offset);
  })!;

  // The last node that is free in the block group of metadata.
  const freeLeaf = nodes.find(({ owner }) => owner === FREE_SPACE_TREE)!;
  const inGroup = ({ objectid, type }: LeafItem) => {
    return type === 199 && objectid < metadata.objectid + metadata.offset;
  };
  const free = image.items(freeLeaf).findLast(inGroup)!;
  const logicalByte = Number(free.objectid + free.offset) - nodeSize;
  image.editTree(FREE_SPACE_TREE, (items) =>
    items.map((item) =>
      item.objectid === free.objectid && item.type === 199
        ? { ...item, offset: item.offset - BigInt(nodeSize) }
        : item,
    ),
  );

  const startByte = logicalByte - extentLeaf.logicalByte + extentLeaf.startByte;
  const head = image.bytes.slice(extentLeaf.startByte, extentLeaf.startByte + 101);
  const view = new DataView(head.buffer);
  view.setBigUint64(0x30, BigInt(logicalByte), true);
  view.setBigUint64(0x58, BigInt(BLOCK_GROUP_TREE), true);
  image.bytes.set(head, startByte);
  const moved = groups.map((item) => (item === metadata ? withMoreUsed(item, nodeSize) : item));
  image.setItems({ ...extentLeaf, startByte }, moved);

  image.editTree(EXTENT_TREE, (items) => [
    ...items.filter(({ type }) => type !== BLOCK_GROUP_ITEM),
    nodeExtent(logicalByte, extentLeaf.generation),
  ]);
  image.editTree(1, (items) => [...items, rootItem(items, logicalByte)]);
  image.patchSuperblock({
    bytes_used: BigInt(usedBytes + nodeSize),
    compat_ro_flags: features.compatRo | 8n,
  });
}

function withMoreUsed(item: LeafItem, bytes: number): LeafItem {
  const data = item.data.slice();
  const view = new DataView(data.buffer);
  view.setBigUint64(0, view.getBigUint64(0, true) + BigInt(bytes), true);
  return { ...item, data };
}

/** A METADATA_ITEM with one inline reference, by the tree that owns the node. */
function nodeExtent(logicalByte: number, generation: number): LeafItem {
  const data = new Uint8Array(33);
  const view = new DataView(data.buffer);
  view.setBigUint64(0, 1n, true);
  view.setBigUint64(8, BigInt(generation), true);
  view.setBigUint64(16, 2n, true);
  view.setUint8(24, 176);
  view.setBigUint64(25, BigInt(BLOCK_GROUP_TREE), true);
  return { objectid: BigInt(logicalByte), type: 169, offset: 0n, data };
}

/** As the root item of the extent tree, for a leaf written in the same transaction. */
function rootItem(items: readonly LeafItem[], logicalByte: number): LeafItem {
  const model = items.find(({ objectid, type }) => objectid === 2n && type === 132)!;
  const data = model.data.slice();
  new DataView(data.buffer).setBigUint64(176, BigInt(logicalByte), true);
  return { ...model, objectid: BigInt(BLOCK_GROUP_TREE), data };
}
