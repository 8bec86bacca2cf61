/** Sizes of 4 GiB and more in a zip archive. Source: PKWARE APPNOTE 6.3.10, 4.5.3. */
import { CorruptError, type Place } from '../../../errors/errors.ts';

const ZIP64_FIELD = 0x0001;
const MAX_U32 = 0xffff_ffff;

export interface ZipSizes {
  readonly sizeBytes: number;
  readonly storedBytes: number;
  /** Only in the central directory. */
  readonly offsetBytes?: number;
}

/**
 * The sizes that the ZIP64 field gives in place of those that are 2^32-1; undefined without such a
 * field. @throws {CorruptError} kind `damaged`.
 */
export function readZip64Sizes(extra: Buffer, sizes: ZipSizes, place: Place): ZipSizes | undefined {
  const field = findField(extra, ZIP64_FIELD, place);
  if (field === undefined) return undefined;
  let at = 0;
  const read = (small: number): number => {
    if (small !== MAX_U32) return small;
    if (at + 8 > field.length) {
      throw new CorruptError(
        'damaged',
        place,
        'the ZIP64 field of a member is too short: the archive is damaged, so get it again',
      );
    }
    const value = field.readBigUInt64LE(at);
    at += 8;
    if (value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value);
    throw new CorruptError(
      'damaged',
      place,
      `a member has ${value} bytes, which is impossible: the archive is damaged, so get it again`,
    );
  };
  // The order is fixed, and only what is 2^32-1 in the header is there.
  const sizeBytes = read(sizes.sizeBytes);
  const storedBytes = read(sizes.storedBytes);
  if (sizes.offsetBytes === undefined) return { sizeBytes, storedBytes };
  return { sizeBytes, storedBytes, offsetBytes: read(sizes.offsetBytes) };
}

/** Fields of an id and a length, two bytes each, and data. */
function findField(extra: Buffer, id: number, place: Place): Buffer | undefined {
  let at = 0;
  while (at + 4 <= extra.length) {
    const end = at + 4 + extra.readUInt16LE(at + 2);
    if (end > extra.length) {
      throw new CorruptError(
        'damaged',
        place,
        'the extra fields of a member make no sense: the archive is damaged, so get it again',
      );
    }
    if (extra.readUInt16LE(at) === id) return extra.subarray(at + 4, end);
    at = end;
  }
  return undefined;
}
