/**
 * One block of 512 bytes that stands in front of a member of a tar archive. Sources: POSIX pax, "ustar
 * Interchange Format"; GNU tar `src/tar.h`, `struct oldgnu_header`. Owners, modes, times and devices
 * are ignored.
 */
import { CorruptError } from '../../../errors/errors.ts';

export const BLOCK_BYTES = 512;

export interface TarHeader {
  readonly name: string;
  /** How many bytes follow in the archive, rounded up to whole blocks. */
  readonly storedBytes: number;
  /** The `typeflag` as a character; `\0` is what V7 wrote for files. */
  readonly type: string;
}

/** Where header fields lie: first byte and length. */
const NAME = [0, 100] as const;
const SIZE = [124, 12] as const;
const CHECKSUM = [148, 8] as const;
const TYPE = 156;
const MAGIC = [257, 8] as const;
const PREFIX = [345, 155] as const;

/** Whether an archive starts like this, damaged or not. V7 has no magic, but a checksum. */
export function startsLikeTar(head: Uint8Array): boolean {
  const magic = Buffer.from(head.subarray(MAGIC[0], MAGIC[0] + 5)).toString('latin1');
  return magic === 'ustar' || hasTarChecksum(head);
}

/** The checksum says no to nearly anything that is no header. */
function hasTarChecksum(head: Uint8Array): boolean {
  if (head.length < BLOCK_BYTES) return false;
  const block = Buffer.from(head.buffer, head.byteOffset, BLOCK_BYTES);
  const stated = parseOctal(field(block, CHECKSUM));
  return stated !== undefined && isChecksum(block, stated);
}

/** @throws {CorruptError} kind `damaged`. */
export function parseTarHeader(block: Buffer, structure: string, startByte: number): TarHeader {
  const place = { structure, startByte };
  if (!hasTarChecksum(block)) {
    const text =
      'no header of a member, but something else stands here: the archive is damaged, so get it again';
    throw new CorruptError('damaged', place, text);
  }
  const storedBytes = parseTarNumber(field(block, SIZE));
  if (storedBytes === undefined) {
    throw new CorruptError(
      'damaged',
      place,
      'the size of a member is no number: the archive is damaged, so get it again',
    );
  }
  const name = parseTarText(field(block, NAME));
  // GNU tar has times in the place of the prefix, and another magic.
  const hasPrefix = field(block, MAGIC).toString('latin1', 0, 6) === 'ustar\0';
  const prefix = hasPrefix ? parseTarText(field(block, PREFIX)) : '';
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    storedBytes,
    type: String.fromCharCode(block[TYPE]!),
  };
}

/** Octal digits, or big-endian binary with the highest bit set. Undefined if it is neither. */
export function parseTarNumber(bytes: Buffer): number | undefined {
  if (bytes[0] !== 0x80) return parseOctal(bytes);
  const value = BigInt(`0x${bytes.toString('hex', 1)}`);
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : undefined;
}

/** Up to the first NUL. */
export function parseTarText(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString('utf8', 0, end === -1 ? bytes.length : end);
}

function field(block: Buffer, [startByte, lengthBytes]: readonly [number, number]): Buffer {
  return block.subarray(startByte, startByte + lengthBytes);
}

function parseOctal(bytes: Buffer): number | undefined {
  const text = bytes
    .toString('latin1')
    .replace(/[\0 ]+$/, '')
    .trimStart();
  const value = Number.parseInt(text, 8);
  return /^[0-7]+$/.test(text) && Number.isSafeInteger(value) ? value : undefined;
}

/** The sum of all bytes, those of the checksum counted as spaces. Old writers summed signed bytes. */
function isChecksum(block: Buffer, stated: number): boolean {
  let unsigned = 0;
  let signed = 0;
  for (let index = 0; index < BLOCK_BYTES; index++) {
    const isOwn = index >= CHECKSUM[0] && index < CHECKSUM[0] + CHECKSUM[1];
    const byte = isOwn ? 0x20 : block[index]!;
    unsigned += byte;
    signed += byte > 127 ? byte - 256 : byte;
  }
  return stated === unsigned || stated === signed;
}
