/**
 * Reads a bmap file: versions 1.0 to 1.4 and 2.0. Files come from anywhere, and a wrong map loses
 * data, so nothing is guessed: what breaks an invariant is refused, with the line. Unknown elements
 * outside of `BlockMap` are ignored: they are how a minor version grows.
 */
import { createHash } from 'node:crypto';

import { CorruptError, MismatchError, UnsupportedError } from '../errors/errors.ts';
import { findBmapFault, type Bmap } from './bmap.ts';
import { faultAt, placeAt, type BmapText } from './bmap-text.ts';
import { digestLengthBytes, findDigest } from './digest.ts';
import { BmapOutline } from './parse-outline.ts';
import { isDigest, parseRanges } from './parse-ranges.ts';
import { findFormat } from './versions.ts';

/** About 1.1 million ranges with SHA-256. Reading such a file takes about 450 MiB of memory. */
export const MAX_BMAP_BYTES = 128 * 2 ** 20;
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/**
 * The map in a bmap file of version 1.0 to 1.4 or 2.0, proven consistent. Format: docs/formats/bmap.md.
 * @param bytes the whole file, at most 128 MiB. A signature around it has to be taken off before.
 * @param name what messages call the file.
 * @throws {CorruptError} if the file is not a bmap, is cut, or breaks an invariant.
 * @throws {UnsupportedError} kind `version` or `checksum-type`.
 * @throws {MismatchError} kind `bmap-checksum` if the file is not as it was written.
 */
export function parseBmap(bytes: Uint8Array, name = 'bmap'): Bmap {
  if (bytes.length > MAX_BMAP_BYTES) {
    const problem = `has ${bytes.length} bytes; at most ${MAX_BMAP_BYTES} are read. Is it a block map?`;
    throw new CorruptError('too-large', { structure: name }, problem);
  }
  const markBytes = BYTE_ORDER_MARK.equals(bytes.subarray(0, BYTE_ORDER_MARK.length)) ? 3 : 0;
  const body = Buffer.from(bytes.buffer, bytes.byteOffset + markBytes, bytes.length - markBytes);
  const file = { text: body.toString('latin1'), name };
  if (!/^\s*</.test(file.text)) throw faultAt(file, 0, 'not-xml', 'is not XML, so not a block map');

  const outline = new BmapOutline(file);
  const { version } = outline;
  const format = findFormat(version, outline.placeOf('bmap'));
  const checksumType = format.checksumType ?? outline.readText('ChecksumType');
  const digest = findDigest(checksumType);
  if (digest === undefined) {
    const problem = `its checksums are of type ${JSON.stringify(checksumType)}, which this Node.js does not have`;
    throw new UnsupportedError('checksum-type', outline.placeOf('ChecksumType'), problem);
  }
  const digits = digestLengthBytes(digest) * 2;
  if (format.fileChecksumElement !== undefined) {
    const bom = bytes.subarray(0, markBytes);
    verifyFileChecksum(file, outline, format.fileChecksumElement, bom, body, digest, digits);
  }
  const { contentStart, contentEnd } = outline;
  const { ranges, indices } = parseRanges(
    file,
    contentStart,
    contentEnd,
    format.rangeChecksumAttribute,
    digits,
  );
  // Before version 1.3 nothing but a range can carry a checksum.
  const usesChecksums =
    format.fileChecksumElement !== undefined ||
    ranges.some((range) => range.checksum !== undefined);
  const bmap: Bmap = {
    version,
    imageSizeBytes: outline.readNumber('ImageSize'),
    blockSizeBytes: outline.readNumber('BlockSize'),
    blockCount: outline.readNumber('BlocksCount'),
    mappedBlockCount: outline.readNumber('MappedBlocksCount'),
    ...(usesChecksums && { checksumType }),
    ranges,
  };
  const fault = findBmapFault(bmap);
  if (fault !== undefined) {
    const place =
      fault.rangeIndex === undefined
        ? outline.placeOf(fault.element)
        : placeAt(file, indices[fault.rangeIndex]!);
    throw new CorruptError(fault.kind, place, fault.text);
  }
  return bmap;
}

/** The checksum covers the bytes of the file as they are, its own digits replaced by as many zeros. */
function verifyFileChecksum(
  file: BmapText,
  outline: BmapOutline,
  element: string,
  byteOrderMark: Uint8Array,
  body: Buffer,
  digest: string,
  digits: number,
): void {
  const stated = outline.readText(element);
  const startByte = file.text.indexOf(stated, outline.indexOf(element));
  if (!isDigest(stated, digits) || startByte === -1) {
    const problem = `<${element}> does not hold ${digits} hex digits`;
    throw new CorruptError('bmap-checksum', outline.placeOf(element), problem);
  }
  const calculated = createHash(digest)
    .update(byteOrderMark)
    .update(body.subarray(0, startByte))
    .update('0'.repeat(digits))
    .update(body.subarray(startByte + digits))
    .digest('hex');
  if (calculated === stated.toLowerCase()) return;
  throw new MismatchError(
    'bmap-checksum',
    `checksum mismatch for bmap file '${file.name}': calculated '${calculated}', should be '${stated}'`,
  );
}
