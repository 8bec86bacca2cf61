import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

import {
  makeSparseFile,
  probeExt,
  volumeOf,
  type ProbedExt,
} from '../../../test/support/ext-images.ts';
import { populate } from '../../../test/support/ext-judges.ts';
import { SeededRandom } from '../../../test/support/random.ts';
import { describeWith, requireTools } from '../../../test/support/requirements.ts';
import { run } from '../../../test/support/run.ts';
import { makeScratchFolder } from '../../../test/support/scratch.ts';
import { decode, encodeInto } from '../../bytes/layout.ts';
import { CorruptError, UnsupportedError } from '../../errors/errors.ts';
import { MemoryReader } from '../../image/memory-reader.ts';
import { WindowReader } from '../../image/window-reader.ts';
import { RangeSet } from '../../ranges/range-set.ts';
import type { Claim } from '../fs-probe.ts';
import { extProbe } from './ext-probe.ts';
import { groupDescriptorLayout } from './group-descriptors.ts';
import { inodeLayout } from './inode.ts';
import { journalSuperblockLayout } from './journal/journal-superblock.ts';
import { superblockLayout } from './superblock-layout.ts';

const MiB = 1024 * 1024;
const SIZE_BYTES = 24 * MiB;
/** 1 KiB blocks: the superblock is block 1, descriptors start in block 2. Three groups of 8 MiB. */
const BLOCK_BYTES = 1024;
const GROUP_BYTES = 8192 * BLOCK_BYTES;
const DESCRIPTORS_START = 2 * BLOCK_BYTES;

describe('what is no ext filesystem', () => {
  it('is not claimed', () => {
    expect(identify(new Uint8Array(MiB))).toBeUndefined();
    expect(identify(new SeededRandom(1).bytes(MiB))).toBeUndefined();
    expect(identify(new Uint8Array(2047))).toBeUndefined();
    expect(identify(new Uint8Array(0))).toBeUndefined();
  });

  it('is not claimed for two bytes of magic in noise', () => {
    for (let seed = 0; seed < 100; seed++) {
      const noise = new SeededRandom(seed).bytes(4096);
      encodeInto(superblockLayout, noise, { s_magic: 0xef53 }, 1024);
      expect(identify(noise)).toBeUndefined();
    }
  });
});

describeWith(
  requireTools('mke2fs', 'debugfs', 'dumpe2fs', 'tune2fs', 'blkid'),
  'an ext filesystem',
  () => {
    it.each([
      '-t ext2',
      '-t ext2 -r 0',
      '-t ext2 -O meta_bg,^resize_inode',
      '-t ext3',
      '-t ext4',
      '-t ext4 -O ^has_journal',
      '-t ext2 -O extent',
      '-O journal_dev -b 4096',
    ])('has the type that blkid gives it: %s', (options) => {
      const file = makeFile(options);
      const type = run('blkid', ['-p', '-o', 'value', '-s', 'TYPE', file]).trim();
      const claim = identify(readFileSync(file))!;
      expect(claim.type).toBe(type === 'jbd' ? 'jbd2' : type);
      expect(claim.lengthBytes).toBe(SIZE_BYTES);
      expect(claim.uuid).toBe(run('blkid', ['-p', '-o', 'value', '-s', 'UUID', file]).trim());
    });

    it('is claimed with its label, and still if a field is damaged', () => {
      expect(identify(ext4())).toMatchObject({
        type: 'ext4',
        label: 'label',
        lengthBytes: SIZE_BYTES,
      });
      const damaged = ext4().slice();
      encodeInto(superblockLayout, damaged, { s_log_block_size: 99 }, 1024);
      expect(identify(damaged)).toMatchObject({ type: 'ext4', lengthBytes: SIZE_BYTES });
      expect(faultOf(damaged)).toBe('superblock-checksum');
    });

    it('tells its features as dumpe2fs does', () => {
      const file = makeFile('-t ext4 -O mmp,bigalloc,sparse_super2,fast_commit,quota,orphan_file');
      const features = /^Filesystem features: +(.*)$/m.exec(run('dumpe2fs', ['-h', file]))![1]!;
      const { facts } = probeExt(volumeOf(new MemoryReader(readFileSync(file))));
      expect(facts.features?.toSorted()).toEqual(features.split(' ').toSorted());
    });

    it('reports kinds that do not overlap, and its free bytes', () => {
      const { byKind, used, facts } = probe(ext4());
      const sum = [...byKind.values()].reduce((total, set) => total + set.lengthBytes, 0);
      expect(sum).toBe(used.lengthBytes);
      expect(facts).toMatchObject({ state: 'clean', freeBytes: SIZE_BYTES - used.lengthBytes });
      expect([...byKind.keys()].toSorted()).toEqual([
        'bitmap',
        'boot',
        'data',
        'descriptors',
        'inode-table',
        'journal',
        'superblock',
        'unused-inodes',
      ]);
    });

    it('that was cut off is refused at every length', () => {
      for (const lengthBytes of [2048, 3000, MiB, SIZE_BYTES - 1]) {
        const volume = volumeOf(new WindowReader(new MemoryReader(ext4()), 0, lengthBytes));
        expect(() => probeExt(volume)).toThrow('only');
      }
    });

    it.each([
      ['error-flag', 'ssv state 3'],
      ['error-flag', 'ssv state 2'],
      ['unclean', 'ssv state 0'],
      ['unknown-feature', 'feature FEATURE_C20'],
      ['unknown-feature', 'feature FEATURE_I30'],
      ['unknown-feature', 'feature FEATURE_R19'],
      ['no-journal', 'feature needs_recovery\nfeature -has_journal'],
      ['bad-pointer', 'set_bg 1 block_bitmap 24576\nset_bg 1 checksum calc'],
      ['bad-pointer', 'set_bg 1 inode_bitmap 0\nset_bg 1 checksum calc'],
      ['bad-pointer', 'set_bg 1 inode_table 24575\nset_bg 1 checksum calc'],
      ['overlapping-metadata', 'set_bg 1 inode_bitmap 2\nset_bg 1 checksum calc'],
    ])('is refused whole: %s by %s', (kind, commands) => {
      expect(faultOf(edit(ext4(), commands))).toBe(kind);
    });

    it('is refused whole if its superblock is the copy of a group', () => {
      const image = ext4().slice();
      const startByte = BLOCK_BYTES + GROUP_BYTES;
      image.copyWithin(1024, startByte, startByte + 1024);
      expect(faultOf(image)).toBe('backup-superblock');
    });

    it.each(['-t ext4 -b 1024', '-t ext4 -b 1024 -O ^metadata_csum,uninit_bg'])(
      'is refused whole for a wrong descriptor checksum: %s',
      (options) => {
        const image = make(options);
        for (const startByte of [DESCRIPTORS_START, DESCRIPTORS_START + 64 + 30]) {
          const damaged = image.slice();
          damaged[startByte]! ^= 1;
          expect(faultOf(damaged)).toBe('descriptor-checksum');
        }
      },
    );

    it('keeps a group whole whose bitmap does not match its checksum, and only that', () => {
      const damaged = ext4().slice();
      damaged[blockBitmapStart(ext4(), 0) + 1000]! ^= 4;
      const { used, findings } = probe(damaged);
      expect(findings.map(({ code }) => code)).toEqual(['ext.bitmap-checksum']);
      expect([...freeOf(used)]).toEqual([...freeOf(probe(ext4()).used).subtract(groupRange(0))]);
    });

    it('keeps a group whole whose count of free blocks is not that of its bitmap', () => {
      const image = edit(ext4(), 'set_bg 2 free_blocks_count 5\nset_bg 2 checksum calc');
      const { used, findings } = probe(image);
      expect(findings.map(({ code }) => code)).toEqual(['ext.bitmap-contradiction']);
      expect(findings[0]!.startByte).toBe(2 * GROUP_BYTES + BLOCK_BYTES);
      expect([...freeOf(used)]).toEqual([...freeOf(probe(ext4()).used).subtract(groupRange(2))]);
    });

    it.each(['descriptors', 'metadata', 'journal'] as const)(
      'keeps a group whole whose bitmap and count call its %s free',
      (kind) => {
        const good = make('-t ext3 -b 1024 -O mmp');
        const { byKind, used } = probe(good);
        const bit = byKind.get(kind)!.at(0).startByte / BLOCK_BYTES - 1;
        const group = Math.floor(bit / 8192);
        const image = good.slice();
        image[blockBitmapStart(good, group) + ((bit % 8192) >> 3)]! ^= 1 << (bit & 7);
        const { bg_free_blocks_count_lo: count } = descriptorOf(good, group);
        const changes = { bg_free_blocks_count_lo: count + 1 };
        encodeInto(groupDescriptorLayout, image, changes, DESCRIPTORS_START + group * 32);
        const { used: nowUsed, findings } = probe(image);
        expect(findings.map(({ code }) => code)).toEqual(['ext.bitmap-contradiction']);
        expect([...nowUsed]).toEqual([...used.union(groupRange(group))]);
      },
    );

    it('does not read a bitmap that was never written', () => {
      const image = ext4().slice();
      const group = [0, 1, 2].find((number) => (flagsOf(ext4(), number) & 2) !== 0)!;
      image.fill(
        0x5a,
        blockBitmapStart(ext4(), group),
        blockBitmapStart(ext4(), group) + BLOCK_BYTES,
      );
      expect([...probe(image).used]).toEqual([...probe(ext4()).used]);
    });

    it('reads all bitmaps where flags mean nothing', () => {
      const image = plain().slice();
      for (const group of [0, 1, 2]) {
        const startByte = DESCRIPTORS_START + group * 32;
        encodeInto(groupDescriptorLayout, image, { bg_flags: 7 }, startByte);
      }
      const { used, byKind } = probe(image);
      expect([...used]).toEqual([...probe(plain()).used]);
      expect(byKind.has('unused-inodes')).toBe(false);
    });

    it('leaves out unused inodes only when lean, and only where checksums stand behind it', () => {
      const { byKind, used } = probe(ext4());
      const unused = byKind.get('unused-inodes')!;
      const lean = probe(ext4(), true);
      expect(lean.byKind.has('unused-inodes')).toBe(false);
      expect([...lean.used]).toEqual([...used.subtract(unused)]);
      expect([...probe(plain(), true).used]).toEqual([...probe(plain()).used]);
    });

    it('keeps unused inodes in a group in doubt, lean or not', () => {
      const image = edit(ext4(), 'set_bg 0 free_blocks_count 5\nset_bg 0 checksum calc');
      const lean = probe(image, true);
      expect(lean.used.covers(BLOCK_BYTES, GROUP_BYTES + BLOCK_BYTES)).toBe(true);
    });

    it('finds its journal by the copy in the superblock', () => {
      const image = edit(ext4(), 'clri <8>');
      const { used, findings } = probe(image);
      expect(findings.map(({ code }) => code)).toEqual(['ext.journal-inode']);
      expect([...used]).toEqual([...probe(ext4()).used]);
      expect(faultOf(edit(ext4(), 'clri <8>\nssv jnl_backup_type 0'))).toBe('bad-inode');
    });

    it('does not believe a journal inode with a wrong checksum', () => {
      const image = ext4().slice();
      const startByte = probe(ext4()).byKind.get('inode-table')!.at(0).startByte + 7 * 256;
      const { i_size_lo: size } = decode(inodeLayout, image, startByte);
      encodeInto(inodeLayout, image, { i_size_lo: size - 1024 }, startByte);
      expect(probe(image).findings.map(({ code }) => code)).toEqual(['ext.journal-inode']);
    });

    it('is refused whole if the journal has recorded an error, or cannot be read', () => {
      const startByte = probe(plain()).byKind.get('journal')!.at(0).startByte;
      for (const [changes, kind] of [
        [{ s_errno: 0xfffffffb }, 'error-flag'],
        [{ h_magic: 0 }, 'bad-journal'],
        [{ s_maxlen: 100_000 }, 'bad-journal'],
      ] as const) {
        const image = plain().slice();
        encodeInto(journalSuperblockLayout, image, changes, startByte);
        expect(faultOf(image)).toBe(kind);
      }
    });

    it('that is only a journal is used whole', () => {
      const image = make('-O journal_dev -b 4096');
      const { used, facts, byKind } = probe(image);
      expect(facts.state).toBe('clean');
      expect([...byKind.get('journal')!]).toEqual([{ startByte: 0, endByte: SIZE_BYTES }]);
      expect(used.lengthBytes).toBe(SIZE_BYTES);
    });
  },
);

function makeFile(options: string, sizeBytes = SIZE_BYTES): string {
  const folder = makeScratchFolder();
  const file = path.join(folder, 'image');
  const content = path.join(folder, 'content');
  makeSparseFile(file, sizeBytes);
  const args = ['-q', '-F', ...options.split(' ')];
  if (options.includes('journal_dev')) {
    run('mke2fs', [...args, file]);
  } else {
    run('mkdir', [content]);
    populate(content, 1, 20);
    run('mke2fs', [...args, '-d', content, file]);
  }
  return file;
}

const made = new Map<string, Uint8Array>();

/** The image that mke2fs makes, in memory. Made once; never change it. */
function make(options: string): Uint8Array {
  let image = made.get(options);
  if (image === undefined) made.set(options, (image = readImage(makeFile(options))));
  return image;
}

/** With all checksums, and groups whose bitmaps were never written. */
function ext4(): Uint8Array {
  return make('-t ext4 -b 1024 -L label');
}

/** With none of them. */
function plain(): Uint8Array {
  return make('-t ext3 -b 1024');
}

/** A copy, changed by commands of debugfs, which sets the checksums anew. */
function edit(image: Uint8Array, commands: string): Uint8Array {
  const file = path.join(makeScratchFolder(), 'image');
  writeFileSync(file, image);
  run('debugfs', ['-w', '-f', '-', file], { input: `${commands}\n` });
  const changed = readImage(file);
  expect(Buffer.compare(changed, image)).not.toBe(0);
  return changed;
}

/** Not a `Buffer`, whose `slice` is no copy. */
function readImage(file: string): Uint8Array {
  return new Uint8Array(readFileSync(file));
}

function identify(image: Uint8Array): Claim | undefined {
  return extProbe.identify(volumeOf(new MemoryReader(image)));
}

function probe(image: Uint8Array, lean = false): ProbedExt {
  return probeExt(volumeOf(new MemoryReader(image)), { lean });
}

/** The kind of the error that makes the driver map the filesystem whole. */
function faultOf(image: Uint8Array): string {
  try {
    probe(image);
  } catch (error) {
    if (error instanceof CorruptError || error instanceof UnsupportedError) return error.kind;
    throw error;
  }
  return 'none';
}

function freeOf(used: RangeSet): RangeSet {
  return used.complementWithin(0, SIZE_BYTES);
}

function groupRange(group: number): RangeSet {
  const startByte = BLOCK_BYTES + group * GROUP_BYTES;
  return RangeSet.of({ startByte, endByte: Math.min(startByte + GROUP_BYTES, SIZE_BYTES) });
}

function blockBitmapStart(image: Uint8Array, group: number): number {
  const { bg_block_bitmap_lo: block } = descriptorOf(image, group);
  return block * BLOCK_BYTES;
}

function flagsOf(image: Uint8Array, group: number): number {
  return descriptorOf(image, group).bg_flags;
}

/** Descriptors have 64 bytes with the feature 64bit, which all ext4 of these tests have. */
function descriptorOf(image: Uint8Array, group: number) {
  const isWide = (decode(superblockLayout, image, 1024).s_feature_incompat & 0x80) !== 0;
  return decode(groupDescriptorLayout, image, DESCRIPTORS_START + group * (isWide ? 64 : 32));
}
