/**
 * Mutated partition tables. Whatever is wrong, reading them ends with a table, reads nothing outside of
 * the image (the reader throws a RangeError then) and does not hang. A GPT that is trusted in spite of
 * a change has the partitions it had before.
 */
import { expect, it } from 'vitest';

import { MemoryReader } from '../../src/image/memory-reader.ts';
import type { PartitionTable } from '../../src/partition/partition-table.ts';
import { readPartitionTable } from '../../src/partition/read-partition-table.ts';
import { SeededRandom } from '../support/random.ts';
import { makeGptImage, sealGpt, writeBootRecord } from '../support/table-image.ts';

const IMAGE_BYTES = 256 * 1024;
const LAST_LBA = IMAGE_BYTES / 512 - 1;
const ROUNDS = 2000;

const GPT_ENTRIES = [
  { slot: 1, firstLba: 40, lastLba: 99, name: 'boot' },
  { slot: 3, firstLba: 100, lastLba: 299, name: 'root' },
];
const LARGE_ENTRIES = [{ slot: 2, firstLba: 10, lastLba: 49 }];

interface Subject {
  readonly title: string;
  readonly image: Uint8Array;
  /** Where the tables lie: parts as start and length. */
  readonly parts: readonly (readonly [number, number])[];
}

const SUBJECTS: readonly Subject[] = [
  {
    title: 'GPT',
    image: makeGptImage({ imageBytes: IMAGE_BYTES, entries: GPT_ENTRIES }),
    parts: [
      [446, 66],
      [512, 92],
      [1024, 512],
      [LAST_LBA * 512, 92],
      [(LAST_LBA - 32) * 512, 512],
    ],
  },
  {
    title: 'GPT in sectors of 4096 bytes',
    image: makeGptImage({ imageBytes: IMAGE_BYTES, sectorBytes: 4096, entries: LARGE_ENTRIES }),
    parts: [
      [446, 66],
      [4096, 92],
      [8192, 512],
      [IMAGE_BYTES - 4096, 92],
      [IMAGE_BYTES - 5 * 4096, 512],
    ],
  },
  {
    title: 'hybrid MBR',
    image: makeHybrid(),
    parts: [
      [446, 66],
      [512, 92],
      [1024, 512],
    ],
  },
  {
    title: 'MBR with logical partitions',
    image: makeLogical(),
    parts: [
      [446, 66],
      [64 * 512 + 446, 66],
      [128 * 512 + 446, 66],
      [192 * 512 + 446, 66],
    ],
  },
];

/** Filesystems at some places, by no rule that a table could follow. */
function read(image: Uint8Array): PartitionTable {
  return readPartitionTable(new MemoryReader(image), {
    startsFilesystem: (startByte) => (startByte / 512) % 7 === 3,
  });
}

/** What holds for every table, whatever it was read from. */
function findNonsense({ partitions, tableRanges, isTrusted, findings }: PartitionTable): string {
  for (const { startByte, endByte } of partitions) {
    const isSane =
      Number.isSafeInteger(startByte) && Number.isSafeInteger(endByte) && startByte <= endByte;
    if (!isSane) return `partition ${startByte} to ${endByte}`;
  }
  for (const { startByte, endByte } of tableRanges) {
    if (startByte < 0 || startByte > endByte || endByte > IMAGE_BYTES) {
      return `table range ${startByte} to ${endByte}`;
    }
  }
  return isTrusted || findings.length > 0 ? '' : 'not trusted without a reason';
}

/** What the GPT claims; names decide about no byte. */
function gptClaims({ partitions }: PartitionTable): string {
  return partitions
    .filter(({ scheme }) => scheme === 'gpt')
    .map(({ number, type, startByte, endByte }) => `${number} ${type} ${startByte} ${endByte}`)
    .join();
}

/** Changes one run of bytes, in one of several ways, and returns what puts it back. */
function mutate(image: Uint8Array, parts: Subject['parts'], random: SeededRandom): () => void {
  const [partStart, partBytes] = random.pick(parts);
  const startByte = partStart + random.below(partBytes);
  const length = Math.min(1 + random.below(random.oneIn(2) ? 2 : 64), image.length - startByte);
  const old = image.slice(startByte, startByte + length);
  const way = random.below(4);
  if (way === 0) image[startByte]! ^= 1 << random.below(8);
  else if (way === 1) image.set(random.bytes(length), startByte);
  else image.fill(way === 2 ? 0x00 : 0xff, startByte, startByte + length);
  return () => image.set(old, startByte);
}

it.each(SUBJECTS)('$title: one change gives a table, and no other GPT', ({ image, parts }) => {
  const good = read(image);
  const goodClaims = gptClaims(good);
  expect(good.isTrusted).toBe(true);
  const random = new SeededRandom(1);
  const problems: string[] = [];
  let distrusted = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const restore = mutate(image, parts, random);
    const table = read(image);
    const nonsense = findNonsense(table);
    if (nonsense !== '') problems.push(`round ${round}: ${nonsense}`);
    if (!table.isTrusted) distrusted++;
    // Without a GPT the table may still be an MBR, made by the change; it then claims no GPT partition.
    const claims = gptClaims(table);
    if (table.isTrusted && claims !== '' && claims !== goodClaims) {
      problems.push(`round ${round}: trusts ${claims}`);
    }
    restore();
  }
  expect(problems).toEqual([]);
  expect(distrusted).toBeGreaterThan(0);
  expect(read(image)).toEqual(good);
});

it.each(SUBJECTS)('$title: many changes at once give a table', ({ image, parts }) => {
  const random = new SeededRandom(2);
  const problems: string[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const restores = Array.from({ length: 2 + random.below(8) }, () =>
      mutate(image, parts, random),
    );
    const nonsense = findNonsense(read(image));
    if (nonsense !== '') problems.push(`round ${round}: ${nonsense}`);
    for (const restore of restores.toReversed()) restore();
  }
  expect(problems).toEqual([]);
});

it('GPT: changed fields under right checksums give a table', () => {
  const good = makeGptImage({ imageBytes: IMAGE_BYTES, entries: GPT_ENTRIES });
  const goodClaims = gptClaims(read(good));
  const random = new SeededRandom(3);
  const problems: string[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const image = good.slice();
    // Fields from MyLBA on: signature, size and checksum are those of a valid header.
    const parts = [
      [512 + 24, 68],
      [1024, 512],
    ] as const;
    mutate(image, parts, random);
    sealGpt(image, 1);
    const table = read(image);
    const nonsense = findNonsense(table);
    if (nonsense !== '') problems.push(`round ${round}: ${nonsense}`);
    // The backup has what was there before: who believes the primary must have noticed.
    const claims = gptClaims(table);
    if (table.isTrusted && claims !== goodClaims && table.findings.length === 0) {
      problems.push(`round ${round}: trusts ${claims}`);
    }
  }
  expect(problems).toEqual([]);
});

function makeHybrid(): Uint8Array {
  const image = makeGptImage({ imageBytes: IMAGE_BYTES, entries: GPT_ENTRIES });
  writeBootRecord(image, [
    { slot: 1, type: 0xee, startLba: 1, sectorCount: 39 },
    { slot: 2, type: 0x0c, startLba: 40, sectorCount: 60 },
    { slot: 3, startLba: 320, sectorCount: 60 },
  ]);
  return image;
}

function makeLogical(): Uint8Array {
  const image = new Uint8Array(IMAGE_BYTES);
  const link = { slot: 2, type: 0x05, sectorCount: 64 };
  const data = { slot: 1, startLba: 8, sectorCount: 40 };
  writeBootRecord(image, [
    { slot: 1, type: 0x0c, startLba: 8, sectorCount: 40 },
    { slot: 2, type: 0x0f, startLba: 64, sectorCount: 400 },
  ]);
  writeBootRecord(image, [data, { ...link, startLba: 64 }], 64 * 512);
  writeBootRecord(image, [data, { ...link, startLba: 128 }], 128 * 512);
  writeBootRecord(image, [data], 192 * 512);
  return image;
}
