/**
 * CRC-16 of group descriptors in filesystems with uninit_bg (Linux: lib/crc16.c, reflected
 * polynomial 0xA001), and the CRC-32 of version 1 journal checksums (Linux: lib/crc32.c, `crc32_be`:
 * polynomial 0x04C11DB7, most significant bit first). Neither inverts its result.
 */
const CRC16_TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xa001 : crc >>> 1;
  return crc;
});

const CRC32_BE_TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 24;
  for (let bit = 0; bit < 8; bit++) crc = crc < 0 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  return crc;
});

/** @param seed 16 bits. @returns 16 bits. */
export function crc16(seed: number, bytes: Uint8Array): number {
  let crc = seed;
  for (const byte of bytes) crc = CRC16_TABLE[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  return crc;
}

/** @param seed 32 bits. @returns 32 bits, unsigned. */
export function crc32BigEndian(seed: number, bytes: Uint8Array): number {
  let crc = seed | 0;
  for (const byte of bytes) crc = CRC32_BE_TABLE[((crc >>> 24) ^ byte) & 0xff]! ^ (crc << 8);
  return crc >>> 0;
}

/** The little-endian bytes of a 32-bit number: group and inode numbers go into checksums like this. */
export function littleEndian32(value: number): Uint8Array {
  return Uint8Array.of(value, value >>> 8, value >>> 16, value >>> 24);
}
