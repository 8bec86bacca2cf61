/**
 * Leaves blocks that nobody looks at out of what a decoder gets, and gives out zeros in their place. A
 * sieve walks over the compressed data, and must leave behind what its decoder takes for whole data.
 */
import { StreamReader } from '../stream-reader.ts';
import type { WantedBytes } from '../wanted-bytes.ts';
import type { Decode, DecodeContext } from './decoder.ts';

/** A part of the decoded data whose compressed form was left out. */
export interface Gap {
  readonly startByte: number;
  readonly lengthBytes: number;
}

/** Compressed bytes for the decoder, and the gaps between them, in order. */
export type Sieve = (
  input: StreamReader,
  wanted: WantedBytes,
  context: DecodeContext,
) => AsyncIterable<Uint8Array | Gap>;

/** Nobody writes to it. */
const ZEROS = Buffer.alloc(2 ** 20);

/** Pieces for a gap. */
export function* zeros(lengthBytes: number): Generator<Uint8Array> {
  for (let left = lengthBytes; left > 0; left -= ZEROS.length) yield ZEROS.subarray(0, left);
}

/** @returns `decode`, but for blocks that `context.wanted` does not include. */
export function decodeWanted(sieve: Sieve, decode: Decode): Decode {
  return (input, context) => {
    const { wanted } = context;
    if (wanted === undefined) return decode(input, context);
    const gaps: Gap[] = [];
    const kept = new StreamReader(takeGaps(sieve(input, wanted, context), gaps));
    return fillGaps(decode(kept, context), gaps);
  };
}

async function* takeGaps(
  parts: AsyncIterable<Uint8Array | Gap>,
  gaps: Gap[],
): AsyncGenerator<Uint8Array> {
  for await (const part of parts) {
    if (part instanceof Uint8Array) yield part;
    else gaps.push(part);
  }
}

/** A decoder has seen no byte behind a gap before the gap is in the list. */
async function* fillGaps(
  pieces: AsyncIterable<Uint8Array>,
  gaps: Gap[],
): AsyncGenerator<Uint8Array> {
  let position = 0;
  const fill = function* (): Generator<Uint8Array> {
    while (gaps[0]?.startByte === position) {
      const { lengthBytes } = gaps.shift()!;
      yield* zeros(lengthBytes);
      position += lengthBytes;
    }
  };
  for await (const piece of pieces) {
    let rest = piece;
    while (rest.length > 0) {
      yield* fill();
      const lengthBytes = Math.min(rest.length, (gaps[0]?.startByte ?? Infinity) - position);
      yield rest.subarray(0, lengthBytes);
      position += lengthBytes;
      rest = rest.subarray(lengthBytes);
    }
  }
  yield* fill();
}
