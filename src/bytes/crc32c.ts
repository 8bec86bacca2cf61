/**
 * CRC-32C (Castagnoli, reflected polynomial 0x82F63B78), as ext4 and btrfs use it: the caller gives
 * the seed and does the final inversion, if its format has one.
 */
const SLICES = 8;
const tables = buildTables();

/** @param seed 32 bits, for example `0xffffffff`. @returns 32 bits, unsigned, not inverted. */
export function crc32c(
  seed: number,
  bytes: Uint8Array,
  startByte = 0,
  endByte = bytes.length,
): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = tables;
  let crc = seed;
  let at = startByte;
  // Eight bytes a round ("slicing by eight"): each table holds the effect of one byte's position.
  for (const lastRound = endByte - SLICES; at <= lastRound; at += SLICES) {
    const low =
      crc ^ (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24));
    crc =
      t7[low & 0xff]! ^
      t6[(low >>> 8) & 0xff]! ^
      t5[(low >>> 16) & 0xff]! ^
      t4[low >>> 24]! ^
      t3[bytes[at + 4]!]! ^
      t2[bytes[at + 5]!]! ^
      t1[bytes[at + 6]!]! ^
      t0[bytes[at + 7]!]!;
  }
  for (; at < endByte; at++) crc = t0[(crc ^ bytes[at]!) & 0xff]! ^ (crc >>> 8);
  return crc >>> 0;
}

type Tables = readonly [
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
];

function buildTables(): Tables {
  const all = Array.from({ length: SLICES }, () => new Int32Array(256));
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    all[0]![byte] = crc;
  }
  for (let slice = 1; slice < SLICES; slice++) {
    for (let byte = 0; byte < 256; byte++) {
      const before = all[slice - 1]![byte]!;
      all[slice]![byte] = (before >>> 8) ^ all[0]![before & 0xff]!;
    }
  }
  return all as unknown as Tables;
}
