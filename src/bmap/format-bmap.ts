/**
 * Writes a map as bmap file version 2.0, byte for byte as bmaptool's `create` lays it out. The file
 * checksum covers the whole file, with zeros in place of its own digits.
 */
import { createHash } from 'node:crypto';

import { findBmapFault, type Bmap, type BmapRange } from './bmap.ts';
import { digestLengthBytes, findDigest } from './digest.ts';
import {
  BLOCK_COUNT_COMMENT,
  BLOCK_MAP_COMMENT,
  BLOCK_SIZE_COMMENT,
  CHECKSUM_TYPE_COMMENT,
  FILE_CHECKSUM_COMMENT,
  imageSizeComment,
  mappedBlockCountComment,
  XML_END,
  XML_START,
} from './fixed-text.ts';
import { formatHumanSize, formatPercent } from './human-size.ts';

const DEFAULT_CHECKSUM_TYPE = 'sha256';
/** Ranges are turned into bytes in pieces, so that the text never exists twice as a whole. */
const RANGES_PER_PIECE = 10_000;

/**
 * The bytes of the bmap file, which belong to the caller. Whatever version `bmap` was read from, 2.0 is
 * written; a map without a checksum type gets SHA-256 for its file checksum. Format:
 * docs/formats/bmap.md.
 * @throws {RangeError} if the map breaks an invariant or names a digest that Node does not have: no
 *   reader would take the file.
 */
export function formatBmap(bmap: Bmap): Uint8Array {
  const fault = findBmapFault(bmap);
  if (fault !== undefined) throw new RangeError(`not a block map: ${fault.text}`);
  const checksumType = bmap.checksumType ?? DEFAULT_CHECKSUM_TYPE;
  const digest = findDigest(checksumType);
  if (digest === undefined) throw new RangeError(`no digest named ${checksumType}`);

  const head = `${formatCounts(bmap)}${formatChecksumType(checksumType)}${FILE_CHECKSUM_COMMENT}    <BmapFileChecksum> `;
  const zeros = '0'.repeat(digestLengthBytes(digest) * 2);
  const pieces = [
    Buffer.from(`${head}${zeros} </BmapFileChecksum>\n\n${BLOCK_MAP_COMMENT}    <BlockMap>\n`),
  ];
  for (let start = 0; start < bmap.ranges.length; start += RANGES_PER_PIECE) {
    const ranges = bmap.ranges.slice(start, start + RANGES_PER_PIECE);
    pieces.push(Buffer.from(ranges.map(formatRange).join('')));
  }
  pieces.push(Buffer.from(XML_END));

  const file = Buffer.concat(pieces);
  // The head is ASCII, so its length is the position of the digits.
  file.write(createHash(digest).update(file).digest('hex'), head.length);
  return file;
}

function formatCounts(bmap: Bmap): string {
  const imageSize = formatHumanSize(bmap.imageSizeBytes);
  const mappedSize = formatHumanSize(bmap.mappedBlockCount * bmap.blockSizeBytes);
  const mappedText = `${mappedSize} or ${formatPercent(bmap.mappedBlockCount, bmap.blockCount)}`;
  const mappedCount = String(bmap.mappedBlockCount).padEnd(String(bmap.blockCount).length);
  return [
    XML_START,
    imageSizeComment(imageSize),
    `    <ImageSize> ${bmap.imageSizeBytes} </ImageSize>\n\n`,
    BLOCK_SIZE_COMMENT,
    `    <BlockSize> ${bmap.blockSizeBytes} </BlockSize>\n\n`,
    BLOCK_COUNT_COMMENT,
    `    <BlocksCount> ${bmap.blockCount} </BlocksCount>\n\n`,
    mappedBlockCountComment(mappedText, imageSize),
    `    <MappedBlocksCount> ${mappedCount} </MappedBlocksCount>\n\n`,
  ].join('');
}

function formatChecksumType(checksumType: string): string {
  return `${CHECKSUM_TYPE_COMMENT}    <ChecksumType> ${checksumType} </ChecksumType>\n\n`;
}

function formatRange({ firstBlock, lastBlock, checksum }: BmapRange): string {
  const attribute = checksum === undefined ? '' : ` chksum="${checksum}"`;
  const blocks = firstBlock === lastBlock ? String(firstBlock) : `${firstBlock}-${lastBlock}`;
  return `        <Range${attribute}> ${blocks} </Range>\n`;
}
