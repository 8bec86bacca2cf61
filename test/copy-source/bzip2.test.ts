/** What is special about bzip2: blocks that are decoded by themselves, wherever their marks are. */
import { spawnSync } from 'node:child_process';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';

import { CorruptError } from '../../src/errors/errors.ts';
import { copyBits } from '../../src/copy/source/decode/bits.ts';
import { decodeBzip2 } from '../../src/copy/source/decode/bzip2.ts';
import { splitAtMarks, type Segment } from '../../src/copy/source/decode/bzip2-segments.ts';
import { StreamReader } from '../../src/copy/source/stream-reader.ts';
import { pack } from '../support/packers.ts';
import { SeededRandom } from '../support/random.ts';
import { describeWith, requireTools } from '../support/requirements.ts';

const PROGRAM = 'bzip2';

const MIB = 2 ** 20;

const CONTEXT = {
  env: undefined,
  signal: new AbortController().signal,
  onDebug: () => {},
  onFinding: () => {},
  structure: 'disk.bz2',
};

/** Blocks of 100 kB, so that small files have many. */
function bzip2(bytes: Uint8Array, level = 1): Buffer {
  return pack({ ending: 'bz2', program: PROGRAM, args: ['-c', `-${level}`] }, bytes);
}

async function* inPieces(bytes: Uint8Array, pieceBytes = 65536): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}

async function decode(packed: Uint8Array, pieceBytes?: number): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  const input = new StreamReader(inPieces(packed, pieceBytes));
  for await (const piece of decodeBzip2(input, CONTEXT)) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function listSegments(packed: Uint8Array): Promise<readonly Segment[]> {
  const segments: Segment[] = [];
  for await (const segment of splitAtMarks(new StreamReader(inPieces(packed)))) {
    segments.push(segment);
  }
  return segments;
}

/** A file of these segments, one directly behind the other. */
function join(segments: readonly Segment[]): Buffer {
  const bytes = Buffer.alloc(segments.reduce((sum, { bytes: { length } }) => sum + length, 0));
  let atBit = 0;
  for (const { bytes: from, firstBit, bitCount } of segments) {
    copyBits(from, firstBit, bitCount, bytes, atBit);
    atBit += bitCount;
  }
  return bytes.subarray(0, Math.ceil(atBit / 8));
}

/**
 * Noise of certain bytes. A block states which it has: 16 bits for each 16 neighbours, unless it has
 * none of them. These bits are chosen by `sets`, in hexadecimal digits.
 */
function noiseOf(sets: string, lengthBytes: number): Buffer {
  const bits = Buffer.from(sets, 'hex');
  const alphabet = Array.from({ length: bits.length * 8 }, (_, index) => index).filter(
    (index) => (bits[index >> 3]! & (0x80 >> (index & 7))) !== 0,
  );
  const random = new SeededRandom(lengthBytes);
  return Buffer.from(Array.from({ length: lengthBytes }, () => random.pick(alphabet)));
}

/** Runs that a block holds 45 times of its size of. No two MiB of it are the same. */
function runs(lengthBytes: number): Buffer {
  const bytes = Buffer.alloc(lengthBytes);
  for (let at = 0, value = 0; at < lengthBytes; at += 255, value++) {
    bytes.subarray(at, at + 255).fill(value % 7);
  }
  return bytes;
}

const IMAGE = Buffer.concat([
  new SeededRandom(1).bytes(300_000),
  Buffer.alloc(30 * MIB),
  new SeededRandom(2).bytes(150_001),
]);

describeWith(requireTools(PROGRAM), 'bzip2', () => {
  it.each([1, 4, 9])('reads many blocks and repeated ones, of level %i', async (level) => {
    const packed = bzip2(IMAGE, level);
    expect((await decode(packed)).equals(IMAGE)).toBe(true);
    expect((await decode(packed, 977)).equals(IMAGE)).toBe(true);
  });

  it('reads streams of all levels one behind the other, empty ones among them', async () => {
    const parts = Array.from({ length: 9 }, (_, index) => new SeededRandom(index).bytes(120_000));
    const empty = bzip2(Buffer.alloc(0));
    const streams = parts.flatMap((part, index) => [empty, bzip2(part, index + 1), empty, empty]);
    const packed = Buffer.concat(streams);
    expect((await decode(packed)).equals(Buffer.concat(parts))).toBe(true);
    expect(await decode(Buffer.concat([empty, empty]))).toEqual(Buffer.alloc(0));
  });

  it.each([[1], [9]])('reads blocks that become very long, of level %i', async (level) => {
    const content = runs(20 * MIB);
    const stream = bzip2(content, level);
    const twice = await decode(Buffer.concat([stream, stream]));
    expect(twice.equals(Buffer.concat([content, content]))).toBe(true);
  });

  it('holds what becomes very long in pieces, however slowly it is taken', async () => {
    // Not the same twice, so that each block is decoded.
    const contents = [runs(40 * MIB), runs(39 * MIB)];
    const streams = contents.map((content) => bzip2(content, 9));
    const packed = Buffer.concat(Array.from({ length: 10 }, () => streams).flat());
    const { arrayBuffers: before } = process.memoryUsage();
    let lengthBytes = 0;
    let held = 0;
    for await (const piece of decodeBzip2(new StreamReader(inPieces(packed)), CONTEXT)) {
      if (lengthBytes === 0) {
        // Longer than it takes to decode several blocks.
        await setTimeout(2000);
        held = process.memoryUsage().arrayBuffers - before;
      }
      lengthBytes += piece.length;
    }
    expect(lengthBytes).toBe(10 * (contents[0]!.length + contents[1]!.length));
    expect(held).toBeLessThan(60 * MIB);
  });

  describe.each([
    ['a block', '314159265359'],
    ['an end', '177245385090'],
  ])('a mark of %s among the data', (_, digits) => {
    const content = (lengthBytes: number) => noiseOf(`8001${digits}`, lengthBytes);

    it('is taken for data', async () => {
      const packed = bzip2(content(250_000));
      const kinds = (await listSegments(packed)).map(({ kind }) => kind);
      // Three blocks, each with a false mark, and the end.
      expect(kinds.length).toBe(1 + 3 * 2 + 1);
      expect((await decode(packed)).equals(content(250_000))).toBe(true);
      const mixed = Buffer.concat([bzip2(IMAGE), packed, packed, bzip2(IMAGE)]);
      const expected = Buffer.concat([IMAGE, content(250_000), content(250_000), IMAGE]);
      expect((await decode(mixed)).equals(expected)).toBe(true);
    });

    it('does not hide damage', async () => {
      const packed = bzip2(content(250_000));
      for (let at = 20; at < packed.length; at += Math.floor(packed.length / 20)) {
        const damaged = Buffer.from(packed);
        damaged[at]! ^= 0x10;
        await expect(decode(damaged)).rejects.toThrow(CorruptError);
      }
    });
  });

  it('refuses blocks that are missing, doubled or exchanged, though each of them is right', async () => {
    const content = new SeededRandom(4).bytes(450_000);
    const segments = await listSegments(bzip2(content));
    const [start, first, second, ...rest] = segments as [Segment, Segment, Segment, ...Segment[]];
    expect(segments.map(({ kind }) => kind)).toEqual([
      'start',
      ...Array.from({ length: 5 }, () => 'block'),
      'end',
    ]);
    expect((await decode(join(segments))).equals(content)).toBe(true);
    for (const changed of [
      [start, second, first, ...rest],
      [start, first, ...rest],
      [start, first, second, second, ...rest],
    ]) {
      await expect(decode(join(changed))).rejects.toMatchObject({
        kind: 'damaged',
        message: expect.stringContaining('the checksum of a stream is wrong') as string,
      });
    }
  });

  it('says that a file is cut, wherever it is', async () => {
    const stream = bzip2(new SeededRandom(5).bytes(700));
    const several = bzip2(IMAGE.subarray(0, 120_000));
    const packed = Buffer.concat([stream, several, stream]);
    const streamEnds = [stream.length, stream.length + several.length];
    const wrong: number[] = [];
    for (let length = 14; length < packed.length; length += length < 900 ? 1 : 1997) {
      const result: unknown = await decode(packed.subarray(0, length)).catch(
        (error: unknown) => error,
      );
      const isCut = result instanceof CorruptError && result.kind === 'truncated';
      if (isCut === streamEnds.includes(length)) wrong.push(length);
      if (isCut) expect(result.place).toMatchObject({ startByte: length });
    }
    expect(wrong).toEqual([]);
  });

  it.each([
    ['text', Buffer.from('more'), 'not the start of a stream'],
    ['zeros', Buffer.alloc(5000), 'not the start of a stream'],
    ['much noise', new SeededRandom(6).bytes(4 * MIB), 'not the start of a stream'],
    ['a header and noise', Buffer.concat([Buffer.from('BZh9'), IMAGE]), 'a code is wrong'],
  ])('refuses %s behind the last stream', async (_, behind, message) => {
    const packed = Buffer.concat([bzip2(Buffer.from('x')), behind]);
    await expect(decode(packed)).rejects.toMatchObject({
      kind: 'damaged',
      message: expect.stringContaining(message) as string,
    });
  });

  it('gives what the program gives, or refuses', async () => {
    const random = new SeededRandom(7);
    const parts = [random.bytes(120_000), Buffer.alloc(1_000_000), random.bytes(500)];
    const packed = Buffer.concat(parts.map((part) => bzip2(part)));
    let accepted = 0;
    for (let round = 0; round < 80; round++) {
      const changed = Buffer.from(packed);
      const at = round % 2 === 0 ? random.below(changed.length) : changed.length - 1 - round;
      changed[at]! ^= 1 << random.below(8);
      const program = spawnSync(PROGRAM, ['-dc'], { input: changed, maxBuffer: 2 ** 30 });
      const result: unknown = await decode(changed).catch((error: unknown) => error);
      if (Buffer.isBuffer(result)) {
        accepted++;
        expect(program.status).toBe(0);
        expect(result.equals(program.stdout)).toBe(true);
      } else {
        expect(result).toBeInstanceOf(CorruptError);
        // The program takes what is no stream behind the first one for garbage, and passes over it.
        const isWhole = program.stdout.length === 1_120_500;
        expect(program.status !== 0 || !isWhole).toBe(true);
      }
    }
    // Bits of padding, of a level: what no checksum covers.
    expect(accepted).toBeLessThan(20);
  });
});
