/**
 * One map of each version of the bmap format, and the small image that they all describe. The maps
 * stand in test-images/bmaps: readers must go on understanding them, whatever the writer does. To
 * write them anew: `npx vitest run -u test/bmap/golden`.
 *
 * The image has six blocks, the last one of a single byte; blocks 0-1, 3 and 5 are mapped. Between the
 * versions differ: the file checksum and its digest, the name of a range's checksum, where
 * MappedBlocksCount stands, and how the comment tells the image size.
 */
import { createHash } from 'node:crypto';

const BLOCK_BYTES = 4096;
const IMAGE_BYTES = 5 * BLOCK_BYTES + 1;
const RANGES = [
  { first: 0, last: 1 },
  { first: 3, last: 3 },
  { first: 5, last: 5 },
];

export type GoldenVersion = '1.2' | '1.3' | '1.4' | '2.0';

export function makeGoldenImage(): Buffer {
  const image = Buffer.alloc(IMAGE_BYTES);
  for (const { first, last } of RANGES) {
    const endByte = Math.min((last + 1) * BLOCK_BYTES, IMAGE_BYTES);
    for (let at = first * BLOCK_BYTES; at < endByte; at++) image[at] = at * 7 + (at >> 8) + 1;
  }
  return image;
}

export function formatGoldenMap(version: GoldenVersion): string {
  const sizes = [
    '<ImageSize> 20481 </ImageSize>',
    '<BlockSize> 4096 </BlockSize>',
    '<BlocksCount> 6 </BlocksCount>',
  ];
  const mapped = '<MappedBlocksCount> 4 </MappedBlocksCount>';
  if (version === '1.2') {
    return formatFile(version, [
      '<!-- image size (20.0 KiB) -->',
      ...sizes,
      ...formatBlockMap('sha1', 'sha1'),
      '<!-- 16.0 KiB are mapped (66.7%) -->',
      mapped,
    ]);
  }
  const isOld = version === '1.3';
  const digest = isOld ? 'sha1' : 'sha256';
  const zeros = '0'.repeat(isOld ? 40 : 64);
  const text = formatFile(version, [
    '<!-- image size: 20.0 KiB -->',
    ...sizes,
    mapped,
    ...(isOld
      ? [`<BmapFileSHA1> ${zeros} </BmapFileSHA1>`]
      : [
          `<ChecksumType> ${digest} </ChecksumType>`,
          `<BmapFileChecksum> ${zeros} </BmapFileChecksum>`,
        ]),
    ...formatBlockMap(digest, isOld ? 'sha1' : 'chksum'),
  ]);
  // The file checksum covers the file with zeros in its place.
  return text.replace(zeros, createHash(digest).update(text).digest('hex'));
}

function formatBlockMap(digest: string, attribute: string): readonly string[] {
  const image = makeGoldenImage();
  const ranges = RANGES.map(({ first, last }) => {
    const bytes = image.subarray(first * BLOCK_BYTES, (last + 1) * BLOCK_BYTES);
    const checksum = createHash(digest).update(bytes).digest('hex');
    const blocks = first === last ? `${first}` : `${first}-${last}`;
    return `    <Range ${attribute}="${checksum}"> ${blocks} </Range>`;
  });
  return ['<BlockMap>', ...ranges, '</BlockMap>'];
}

function formatFile(version: string, lines: readonly string[]): string {
  const body = lines.map((line) => `    ${line}\n`).join('');
  return `<?xml version="1.0" ?>\n<bmap version="${version}">\n${body}</bmap>\n`;
}
