/**
 * Chunk items: one run of logical addresses, and the stripes on devices that hold it. They stand in the
 * chunk tree, and those of system chunks also in the superblock. `io_align`, `io_width` and `owner` are
 * ignored: no kernel uses them.
 * Source: Linux include/uapi/linux/btrfs_tree.h, `struct btrfs_chunk`, `struct btrfs_stripe`; the limits
 * are those of fs/btrfs/tree-checker.c, `btrfs_check_chunk_valid`.
 */
import { formatUuid } from '../../bytes/guid.ts';
import { byteRun, decode, layout, u16le, u64le, u8 } from '../../bytes/layout.ts';
import { toSafeNumber } from '../../bytes/safe-number.ts';
import { CorruptError, UnsupportedError, type Place } from '../../errors/errors.ts';
import { PROFILE_MASK, profileOf, STRIPE_BYTES, type RaidProfile } from './raid-profile.ts';

export const CHUNK_ITEM_KEY = 228;

const chunkLayout = layout('btrfs chunk item', 48, {
  length: u64le(0x00),
  stripe_len: u64le(0x10),
  type: u64le(0x18),
  num_stripes: u16le(0x2c),
  sub_stripes: u16le(0x2e),
});
const stripeLayout = layout('btrfs stripe', 32, {
  devid: u64le(0),
  offset: u64le(8),
  dev_uuid: byteRun(16, 16),
});
const keyLayout = layout('btrfs key', 17, {
  objectid: u64le(0),
  type: u8(8),
  offset: u64le(9),
});

/** What a chunk holds; a mixed one holds data and metadata. */
export const DATA = 1;
export const SYSTEM = 2;
export const METADATA = 4;

/** The part of a chunk that lies on one device, contiguous there. */
export interface Stripe {
  readonly devid: number;
  readonly deviceUuid: string;
  /** Position on the device. */
  readonly startByte: number;
}

export interface Chunk {
  /** First logical address. */
  readonly logicalByte: number;
  /** Logical bytes: copies and parity do not count. */
  readonly lengthBytes: number;
  /** `DATA`, `SYSTEM` and `METADATA`, or-ed. */
  readonly contents: number;
  readonly profile: RaidProfile;
  readonly stripes: readonly Stripe[];
  /** Length of every stripe on its device. */
  readonly stripeLengthBytes: number;
}

/**
 * Parses the chunk item that starts at `startByte` of `bytes`, for the logical address in its key.
 * @throws {CorruptError | UnsupportedError} for anything that Linux would refuse.
 */
export function parseChunkItem(bytes: Uint8Array, startByte: number, logicalByte: number): Chunk {
  const place: Place = { structure: `${chunkLayout.name} for logical address ${logicalByte}` };
  const corrupt = (message: string) => new CorruptError('chunk-item', place, message);
  if (bytes.length - startByte < chunkLayout.lengthBytes) throw corrupt('is cut off');
  const raw = decode(chunkLayout, bytes, startByte);
  if (raw.type > BigInt(DATA | SYSTEM | METADATA | PROFILE_MASK)) {
    const text = `has type 0x${raw.type.toString(16)}, which is not known`;
    throw new UnsupportedError('chunk-type', place, text);
  }
  const type = Number(raw.type);
  const profile = profileOf(type);
  const contents = type & (DATA | SYSTEM | METADATA);
  if (profile === undefined || contents === 0) throw corrupt(`has type 0x${type.toString(16)}`);
  const stripeCount = raw.num_stripes;
  if (
    stripeCount < profile.leastStripes ||
    stripeCount > profile.mostStripes ||
    stripeCount % profile.subStripes !== 0 ||
    (profile.subStripes > 1 && raw.sub_stripes !== profile.subStripes)
  ) {
    throw corrupt(`${stripeCount} stripes do not make ${profile.name}`);
  }
  if (bytes.length - startByte < chunkLayout.lengthBytes + stripeCount * stripeLayout.lengthBytes) {
    throw corrupt(`has no room for ${stripeCount} stripes`);
  }
  if (raw.stripe_len !== BigInt(STRIPE_BYTES)) throw corrupt(`has strips of ${raw.stripe_len}`);
  const lengthBytes = toSafeNumber(raw.length, 'length', place);
  const dataStripes = dataStripeCount(profile, stripeCount);
  const rowBytes = profile.spread === 'copies' ? 1 : dataStripes * STRIPE_BYTES;
  if (lengthBytes === 0 || lengthBytes % rowBytes !== 0) {
    throw corrupt(`a length of ${lengthBytes} bytes does not fill ${dataStripes} stripes`);
  }
  toSafeNumber(BigInt(logicalByte) + raw.length, 'end', place);
  const stripeLengthBytes = lengthBytes / dataStripes;
  const stripes = Array.from({ length: stripeCount }, (_, index): Stripe => {
    const at = startByte + chunkLayout.lengthBytes + index * stripeLayout.lengthBytes;
    const stripe = decode(stripeLayout, bytes, at);
    return {
      devid: toSafeNumber(stripe.devid, 'devid', place),
      deviceUuid: formatUuid(stripe.dev_uuid),
      startByte: toSafeNumber(stripe.offset, 'stripe offset', place),
    };
  });
  return { logicalByte, lengthBytes, contents, profile, stripes, stripeLengthBytes };
}

/**
 * Parses the superblock's own list of chunks: keys, each followed by its item.
 * @throws {CorruptError | UnsupportedError} as `parseChunkItem`, and for other keys.
 */
export function parseSystemChunkArray(bytes: Uint8Array): readonly Chunk[] {
  const place: Place = { structure: 'btrfs sys_chunk_array' };
  const chunks: Chunk[] = [];
  let at = 0;
  while (at < bytes.length) {
    if (bytes.length - at < keyLayout.lengthBytes) {
      throw new CorruptError('system-chunk-array', place, `ends within a key at byte ${at}`);
    }
    const key = decode(keyLayout, bytes, at);
    if (key.type !== CHUNK_ITEM_KEY) {
      throw new CorruptError('system-chunk-array', place, `has an item of type ${key.type}`);
    }
    at += keyLayout.lengthBytes;
    const chunk = parseChunkItem(bytes, at, toSafeNumber(key.offset, 'logical address', place));
    chunks.push(chunk);
    at += chunkLayout.lengthBytes + chunk.stripes.length * stripeLayout.lengthBytes;
  }
  if (chunks.length === 0) throw new CorruptError('system-chunk-array', place, 'is empty');
  return chunks;
}

/** How many stripes the logical bytes of a chunk are divided among. */
export function dataStripeCount(profile: RaidProfile, stripeCount: number): number {
  if (profile.spread === 'copies') return 1;
  return stripeCount / profile.subStripes - profile.parityStripes;
}
