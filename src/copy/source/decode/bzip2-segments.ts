/**
 * Cuts a file of bzip2 where blocks and ends of streams are marked, at any bit. What looks like a mark
 * may be data, about once in 2^46 bits: whoever decodes has to join two segments then.
 */
import type { StreamReader } from '../stream-reader.ts';
import { readBits } from './bits.ts';

/** What the first bits of a segment are; `start` is what comes before the first mark of the file. */
export type SegmentKind = 'start' | 'block' | 'end';

export interface Segment {
  readonly kind: SegmentKind;
  /** Where `bytes` lie in the file. */
  readonly startByte: number;
  /** Of the first and the last byte, a part may belong to the segments beside it. */
  readonly bytes: Uint8Array;
  /** 0 to 7: where in the first byte it starts. */
  readonly firstBit: number;
  readonly bitCount: number;
  /** What it ends at: a mark, the end of the file, or a length that no block has. */
  readonly end: 'mark' | 'file' | 'limit';
}

/** `BZh` and the level. */
export const HEADER_BYTES = 4;
export const MARK_BITS = 48;
/** Of a block, or of all blocks of a stream. */
export const CRC_BITS = 32;
/** The digits of pi, and of its square root. Source: bzip2 1.0.8, `compress.c`. */
export const BLOCK_MARK = 0x31_41_59_26_53_59;
export const END_MARK = 0x17_72_45_38_50_90;

/**
 * No block is longer: 900,001 codes of at most 20 bits, 32,767 selectors of at most 6, and 6 tables of
 * 258 lengths, of at most 39 bits in a block that any program writes.
 */
export const MAX_BLOCK_BYTES = 2.5 * 2 ** 20;

/** How much is searched at a time. */
const STEP_BYTES = 2 ** 18;

/** Everything of `input`, in order. Only the last segment does not end at a mark. */
export async function* splitAtMarks(input: StreamReader): AsyncGenerator<Segment> {
  let kind: SegmentKind = 'start';
  let firstBit = 0;
  for (;;) {
    const { bytes, mark, end } = await peekSegment(
      input,
      kind === 'start' ? 0 : firstBit + MARK_BITS,
    );
    const endBit = mark?.startBit ?? bytes.length * 8;
    yield {
      kind,
      startByte: input.positionBytes,
      bytes: bytes.subarray(0, Math.ceil(endBit / 8)),
      firstBit,
      bitCount: endBit - firstBit,
      end,
    };
    if (mark === undefined) return;
    await input.skip(endBit >>> 3, 'bzip2 data');
    firstBit = endBit & 7;
    kind = mark.kind;
  }
}

interface Mark {
  readonly kind: SegmentKind;
  readonly startBit: number;
}

/** The next bytes of `input`, so many that a mark or the end of the file is among them. */
async function peekSegment(
  input: StreamReader,
  searchBit: number,
): Promise<Pick<Segment, 'bytes' | 'end'> & { readonly mark: Mark | undefined }> {
  for (let wantedBytes = STEP_BYTES, fromBit = searchBit; ; wantedBytes += STEP_BYTES) {
    const bytes = await input.peek(wantedBytes);
    const mark = findMark(bytes, fromBit);
    if (mark !== undefined) return { bytes, mark, end: 'mark' };
    if (bytes.length < wantedBytes) return { bytes, mark, end: 'file' };
    if (bytes.length >= MAX_BLOCK_BYTES) return { bytes, mark, end: 'limit' };
    fromBit = Math.max(fromBit, bytes.length * 8 - MARK_BITS + 1);
  }
}

/** What stands between the stream that a segment ends and the mark behind it: whole bytes. */
export function bytesBehindStream(segment: Segment): Uint8Array {
  const usedBits = segment.kind === 'end' ? segment.firstBit + MARK_BITS + CRC_BITS : 0;
  return segment.bytes.subarray(Math.ceil(usedBits / 8));
}

/** The level of the stream that starts there, or undefined if none does. */
export function levelOfNext(segment: Segment): number | undefined {
  const bytes = bytesBehindStream(segment);
  const isWhole = bytes.length === HEADER_BYTES && (segment.firstBit + segment.bitCount) % 8 === 0;
  const header = Buffer.from(bytes.subarray(0, HEADER_BYTES)).toString('latin1');
  if (segment.end !== 'mark' || !isWhole || !/^BZh[1-9]$/.test(header)) return undefined;
  return Number(header[3]);
}

const MARKS: ReadonlyMap<number, SegmentKind> = new Map([
  [BLOCK_MARK, 'block'],
  [END_MARK, 'end'],
]);

/**
 * A mark that starts at any bit covers 16 bits that start at a multiple of 32, and are some 16 bits of
 * the mark: so one look-up for 4 bytes finds all that need to be looked at. For each value of the 16
 * bits: bit n is set if they may be bits n to n + 15 of a mark.
 */
const PLACES_IN_MARK = new Uint32Array(2 ** 16);
for (const mark of MARKS.keys()) {
  for (let bit = 0; bit < 32; bit++) {
    PLACES_IN_MARK[Math.floor(mark / 2 ** (32 - bit)) % 2 ** 16]! |= 1 << bit;
  }
}

/** The first mark that starts at `fromBit` or behind, and lies in `bytes` whole. */
export function findMark(bytes: Uint8Array, fromBit: number): Mark | undefined {
  const lastBit = bytes.length * 8 - MARK_BITS;
  const endByte = bytes.length - 1;
  for (let at = Math.ceil(fromBit / 32) * 4; at < endByte; at += 4) {
    let places = PLACES_IN_MARK[(bytes[at]! << 8) | bytes[at + 1]!]!;
    // From the farthest before `at` on.
    while (places !== 0) {
      const place = 31 - Math.clz32(places);
      places &= ~(1 << place);
      const startBit = at * 8 - place;
      if (startBit < fromBit || startBit > lastBit) continue;
      const kind = MARKS.get(readBits(bytes, startBit, MARK_BITS));
      if (kind !== undefined) return { kind, startBit };
    }
  }
  return undefined;
}
