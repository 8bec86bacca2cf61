/**
 * From an offset in a chunk to places in its stripes, for every profile. Pure arithmetic.
 *
 * Striped profiles deal 64 KiB strips in rows over columns; a column is one stripe, or in RAID10 the two
 * stripes that mirror each other. In RAID5 and RAID6 each row is turned one column further, parity last.
 * Source: Linux fs/btrfs/volumes.c, `btrfs_map_block`.
 */
import { dataStripeCount, type Chunk } from './chunk-item.ts';
import { STRIPE_BYTES } from './raid-profile.ts';

/** A contiguous part of one stripe; offsets count from the stripe's start. */
export interface StripePart {
  readonly stripeIndex: number;
  readonly startByte: number;
  readonly endByte: number;
}

export interface FootprintPart extends StripePart {
  readonly isParity: boolean;
}

/** How many times every logical byte of the chunk can be read. */
export function copyCount({ profile, stripes }: Chunk): number {
  return profile.spread === 'copies' ? stripes.length : profile.subStripes;
}

/**
 * Where copy `copy` of the bytes at `[startByte, endByte)` of the chunk lies, and how far it is
 * contiguous: the part may be shorter than asked.
 */
export function locateCopy(
  chunk: Chunk,
  startByte: number,
  endByte: number,
  copy: number,
): StripePart {
  const { profile, stripes } = chunk;
  if (profile.spread === 'copies') return { stripeIndex: copy, startByte, endByte };
  const columnCount = dataStripeCount(profile, stripes.length);
  const strip = Math.floor(startByte / STRIPE_BYTES);
  const row = Math.floor(strip / columnCount);
  const column = strip % columnCount;
  const stripeIndex =
    profile.spread === 'parity'
      ? (column + row) % stripes.length
      : column * profile.subStripes + copy;
  const partStart = row * STRIPE_BYTES + (startByte % STRIPE_BYTES);
  const lengthBytes = Math.min(endByte - startByte, STRIPE_BYTES - (startByte % STRIPE_BYTES));
  return { stripeIndex, startByte: partStart, endByte: partStart + lengthBytes };
}

/**
 * Every part of every stripe that the bytes at `[startByte, endByte)` of the chunk need: all copies, and
 * where there is parity, whole rows, since parity must go on matching neighbours that are not used.
 * Parity parts are named in addition, inside the parts of their rows.
 */
export function* footprint(
  chunk: Chunk,
  startByte: number,
  endByte: number,
): Generator<FootprintPart> {
  switch (chunk.profile.spread) {
    case 'copies':
      for (let stripeIndex = 0; stripeIndex < chunk.stripes.length; stripeIndex++) {
        yield { stripeIndex, startByte, endByte, isParity: false };
      }
      return;
    case 'striped':
      yield* stripedFootprint(chunk, startByte, endByte);
      return;
    case 'parity':
      yield* parityFootprint(chunk, startByte, endByte);
      return;
  }
}

/** In each column the part is contiguous: only the first and the last strip of the range may be cut. */
function* stripedFootprint(
  { profile, stripes }: Chunk,
  startByte: number,
  endByte: number,
): Generator<FootprintPart> {
  const columnCount = stripes.length / profile.subStripes;
  const firstStrip = Math.floor(startByte / STRIPE_BYTES);
  const lastStrip = Math.ceil(endByte / STRIPE_BYTES) - 1;
  for (let column = 0; column < columnCount; column++) {
    const first = firstStrip + ((column - (firstStrip % columnCount) + columnCount) % columnCount);
    const last = lastStrip - (((lastStrip % columnCount) - column + columnCount) % columnCount);
    if (first > lastStrip) continue;
    const partStart =
      Math.floor(first / columnCount) * STRIPE_BYTES +
      (first === firstStrip ? startByte % STRIPE_BYTES : 0);
    const cut = last === lastStrip ? (lastStrip + 1) * STRIPE_BYTES - endByte : 0;
    const partEnd = (Math.floor(last / columnCount) + 1) * STRIPE_BYTES - cut;
    for (let copy = 0; copy < profile.subStripes; copy++) {
      const stripeIndex = column * profile.subStripes + copy;
      yield { stripeIndex, startByte: partStart, endByte: partEnd, isParity: false };
    }
  }
}

function* parityFootprint(
  { profile, stripes }: Chunk,
  startByte: number,
  endByte: number,
): Generator<FootprintPart> {
  const columnCount = stripes.length - profile.parityStripes;
  const rowBytes = columnCount * STRIPE_BYTES;
  const firstRow = Math.floor(startByte / rowBytes);
  const endRow = Math.ceil(endByte / rowBytes);
  for (let stripeIndex = 0; stripeIndex < stripes.length; stripeIndex++) {
    yield {
      stripeIndex,
      startByte: firstRow * STRIPE_BYTES,
      endByte: endRow * STRIPE_BYTES,
      isParity: false,
    };
  }
  for (let row = firstRow; row < endRow; row++) {
    for (let parity = 0; parity < profile.parityStripes; parity++) {
      yield {
        stripeIndex: (columnCount + parity + row) % stripes.length,
        startByte: row * STRIPE_BYTES,
        endByte: (row + 1) * STRIPE_BYTES,
        isParity: true,
      };
    }
  }
}
