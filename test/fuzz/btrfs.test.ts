/**
 * Mutated btrfs images. Whatever is wrong, scanning ends with a map or with an error of ours, reads
 * nothing outside (the reader throws a RangeError then) and does not hang. Damage that a checksum shows,
 * wherever it is, never makes a used byte free.
 */
import { describe, expect, it } from 'vitest';

import { EditableBtrfs, memoryVolume, scanVolume } from '../support/btrfs-edit.ts';
import { readFixture, readFixtureFacts } from '../support/fixtures.ts';
import { SeededRandom } from '../support/random.ts';
import { describeWith, requireTools } from '../support/requirements.ts';
import { RangeSet } from '../../src/ranges/range-set.ts';

const NAME = 'btrfs-treelog';
const ROUNDS = 3000;
const LOG_TREE = Number(0xffff_ffff_ffff_fffan);
const reference = RangeSet.of(
  ...readFixtureFacts(NAME).reference_used.map(([startByte, endByte]) => ({ startByte, endByte })),
);

describeWith(requireTools('xz'), 'a mutated btrfs image', () => {
  const bytes = readFixture(NAME);
  const image = new EditableBtrfs(bytes);
  const nodes = image.nodes(reference);
  const { nodeSize } = image.superblock;
  const superblocks = [0x1_0000, 0x400_0000].map((startByte) => ({ startByte, lengthBytes: 4096 }));
  const structures = [
    ...nodes.map(({ startByte }) => ({ startByte, lengthBytes: nodeSize })),
    ...superblocks,
  ];

  /** Used bytes of the sound image that the mutated one leaves out. */
  const freedBytes = (): number => reference.subtract(image.scan().used).lengthBytes;

  it('has nodes of every tree to damage', () => {
    expect(nodes.length).toBeGreaterThan(20);
    expect(freedBytes()).toBe(0);
  });

  it('frees no used byte when one structure is damaged', () => {
    const random = new SeededRandom(1);
    for (const { startByte, lengthBytes } of structures) {
      for (const change of [flipOne, overwriteSome, zeroAll]) {
        const restore = mutate(bytes, startByte, lengthBytes, random, change);
        expect({ startByte, freed: freedBytes() }).toEqual({ startByte, freed: 0 });
        restore();
      }
    }
  });

  it('frees no used byte when all copies of a node are damaged', () => {
    const random = new SeededRandom(2);
    for (const logicalByte of new Set(nodes.map((node) => node.logicalByte))) {
      const copies = nodes.filter((node) => node.logicalByte === logicalByte);
      const restores = copies.map(({ startByte }) =>
        mutate(bytes, startByte, nodeSize, random, flipOne),
      );
      expect({ logicalByte, freed: freedBytes() }).toEqual({ logicalByte, freed: 0 });
      for (const restore of restores) restore();
    }
  });

  it('frees no used byte when nodes are swapped or old ones come back', () => {
    const random = new SeededRandom(3);
    for (let round = 0; round < 60; round++) {
      const [from, to] = [random.pick(nodes), random.pick(nodes)];
      const before = bytes.slice(to.startByte, to.startByte + nodeSize);
      bytes.copyWithin(to.startByte, from.startByte, from.startByte + nodeSize);
      expect({ from, to, freed: freedBytes() }).toEqual({ from, to, freed: 0 });
      bytes.set(before, to.startByte);
    }
  });

  it('ends with a map or an error of ours when damage is signed', () => {
    const random = new SeededRandom(4);
    const outcomes = new Set<string>();
    for (let round = 0; round < ROUNDS; round++) {
      const place = random.pick(structures);
      const restore = mutate(bytes, place.startByte, place.lengthBytes, random, overwriteFields);
      sign(place);
      const { refusal, findings, used } = image.scan();
      outcomes.add(refusal ?? findings.map(({ code }) => code).join(' '));
      expect(used.covers(0, 1 << 20)).toBe(true);
      restore();
    }
    expect(outcomes.size).toBeGreaterThan(10);
  });

  it('frees no used byte when the damage of a record that others confirm is signed', () => {
    const random = new SeededRandom(7);
    const confirmed = nodes.filter(({ owner }) => owner !== LOG_TREE);
    for (let round = 0; round < ROUNDS; round++) {
      const { startByte, owner } = random.pick(confirmed);
      const place = { startByte, lengthBytes: nodeSize };
      const restore = mutate(bytes, startByte, nodeSize, random, overwriteFields);
      sign(place);
      expect({ round, owner, freed: freedBytes() }).toEqual({ round, owner, freed: 0 });
      restore();
    }
  });

  it('is refused or mapped whole when it is cut', () => {
    const random = new SeededRandom(5);
    for (let round = 0; round < 100; round++) {
      const cut = memoryVolume(bytes.subarray(0, random.below(bytes.length)));
      expect(scanVolume(cut).refusal).toMatch(/^(truncated|no claim)$/);
    }
  });

  function sign({ startByte, lengthBytes }: { startByte: number; lengthBytes: number }): void {
    const block = bytes.subarray(startByte, startByte + lengthBytes);
    block.set(image.checksum.digest(block.subarray(32)));
  }
});

describe('noise', () => {
  it('with the magic is claimed and refused', () => {
    const random = new SeededRandom(6);
    for (let round = 0; round < 20; round++) {
      const bytes = random.bytes(200_000);
      bytes.set(new TextEncoder().encode('_BHRfS_M'), 0x1_0040);
      expect(scanVolume(memoryVolume(bytes)).refusal).toMatch(
        /^(checksum-type|superblock-checksum)$/,
      );
    }
  });
});

type Change = (block: Uint8Array, random: SeededRandom) => void;

/** Changes a block and returns what undoes it. */
function mutate(
  bytes: Uint8Array,
  startByte: number,
  lengthBytes: number,
  random: SeededRandom,
  change: Change,
): () => void {
  const before = bytes.slice(startByte, startByte + lengthBytes);
  change(bytes.subarray(startByte, startByte + lengthBytes), random);
  return () => bytes.set(before, startByte);
}

function flipOne(block: Uint8Array, random: SeededRandom): void {
  block[random.below(block.length)]! ^= 1 << random.below(8);
}

function overwriteSome(block: Uint8Array, random: SeededRandom): void {
  const startByte = random.below(block.length - 64);
  block.set(random.bytes(1 + random.below(64)), startByte);
}

function zeroAll(block: Uint8Array): void {
  block.fill(0);
}

/** 1 to 4 numbers in the part that holds headers, keys and pointers get a telling value. */
function overwriteFields(block: Uint8Array, random: SeededRandom): void {
  const view = new DataView(block.buffer, block.byteOffset, block.length);
  for (let count = 1 + random.below(4); count > 0; count--) {
    const at = 0x20 + random.below(random.oneIn(4) ? block.length - 0x28 : 400);
    const value = random.pick([0n, 1n, 0x7fff_ffffn, 1n << 53n, 0xffff_ffff_ffff_ffffn]);
    if (random.oneIn(2)) view.setBigUint64(at, value, true);
    else block[at]! ^= 1 << random.below(8);
  }
}
