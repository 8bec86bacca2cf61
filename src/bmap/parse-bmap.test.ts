import { createHash } from 'node:crypto';

import { describe, expect, it } from 'vitest';

import { BmapError, CorruptError, MismatchError, UnsupportedError } from '../errors/errors.ts';
import type { Bmap } from './bmap.ts';
import { formatBmap } from './format-bmap.ts';
import { MAX_BMAP_BYTES, parseBmap } from './parse-bmap.ts';

const DIGEST_A = 'a'.repeat(64);
const DIGEST_B = 'b'.repeat(64);

/** 6 blocks, the last one short; blocks 0-1, 3 and 5 are mapped. */
const sample: Bmap = {
  version: '2.0',
  imageSizeBytes: 5 * 4096 + 1,
  blockSizeBytes: 4096,
  blockCount: 6,
  mappedBlockCount: 4,
  checksumType: 'sha256',
  ranges: [
    { firstBlock: 0, lastBlock: 1, checksum: DIGEST_A },
    { firstBlock: 3, lastBlock: 3 },
    { firstBlock: 5, lastBlock: 5, checksum: DIGEST_B },
  ],
};
const good = Buffer.from(formatBmap(sample)).toString('latin1');

/** The file after an edit, with a file checksum that is right again. */
function seal(text: string, digest = 'sha256', element = 'BmapFileChecksum'): Buffer {
  const stated = new RegExp(`<${element}>\\s*([0-9a-fA-F]+)`).exec(text)![1]!;
  const zeros = text.replace(stated, '0'.repeat(stated.length));
  const sum = createHash(digest).update(zeros, 'latin1').digest('hex');
  return Buffer.from(text.replace(stated, sum), 'latin1');
}

/** The good file with one thing changed. */
function changed(from: string | RegExp, to: string): Buffer {
  const text = good.replace(from, to);
  expect(text).not.toBe(good);
  return seal(text);
}

function failureOf(bytes: Uint8Array): BmapError {
  try {
    parseBmap(bytes, 'x.bmap');
  } catch (error) {
    if (error instanceof BmapError) return error;
    throw error;
  }
  throw new Error('the file was accepted');
}

/** The line, counted from 1, in which `text` first stands. */
function lineOf(bytes: Buffer, text: string): number {
  return bytes.subarray(0, bytes.indexOf(text)).toString().split('\n').length;
}

it('reads what it writes', () => {
  expect(parseBmap(formatBmap(sample))).toEqual(sample);
});

describe('syntax that bmaptool takes', () => {
  it.each([
    ['blanks around the dash', changed(' 0-1 ', ' 0 - 1 ')],
    ['no blanks', changed(' 0-1 ', '0-1')],
    ['a single block as a range', changed(' 3 ', ' 3-3 ')],
    ['blanks around numbers over lines', changed('<ImageSize> 20481 <', '<ImageSize>\n20481\t<')],
    ['unknown elements', changed('<BlockMap>', '<New a="1"><b>x</b></New>\n<BlockMap>')],
    ['unknown attributes', changed('<Range> 3 ', '<Range lang="de"> 3 ')],
    [
      'comments between ranges',
      changed('        <Range> 3', '<!-- <Range> 1 </Range> --><Range> 3'),
    ],
    ['single quotes', changed(`"${DIGEST_A}"`, `'${DIGEST_A}'`)],
    ['upper-case digests', changed(DIGEST_A, DIGEST_A.toUpperCase())],
    ['CRLF', seal(good.replaceAll('\n', '\r\n'))],
    ['a byte order mark', seal(`\xef\xbb\xbf${good}`)],
    ['UTF-8 in a comment', seal(good.replace('Image size', 'Gr\xc3\xb6\xc3\x9fe'))],
    ['an XML declaration with an encoding', changed('"1.0" ?', '"1.0" encoding="utf-8"?')],
    ['no final newline', seal(good.trimEnd())],
  ])('%s', (_, bytes) => {
    expect(parseBmap(bytes)).toEqual(sample);
  });

  it('an empty BlockMap', () => {
    const none = { ...sample, mappedBlockCount: 0, ranges: [] };
    const text = Buffer.from(formatBmap(none)).toString('latin1');
    expect(parseBmap(seal(text))).toEqual(none);
    expect(parseBmap(seal(text.replace(/<BlockMap>\s*<\/BlockMap>/, '<BlockMap/>')))).toEqual(none);
  });

  it('an upper-case file checksum', () => {
    const digits = /FileChecksum> ([0-9a-f]+)/.exec(good)![1]!;
    expect(parseBmap(Buffer.from(good.replace(digits, digits.toUpperCase())))).toEqual(sample);
  });
});

describe('checksum types', () => {
  it.each([
    ['md5', 'md5', 32],
    ['sha512', 'sha512', 128],
    ['sha3_256', 'sha3-256', 64],
    ['blake2b', 'blake2b512', 128],
  ])('%s', (name, nodeName, digits) => {
    const checksum = 'c'.repeat(digits);
    const text = good
      .replace('> sha256 <', `> ${name} <`)
      .replace(/FileChecksum> [0-9a-f]+/, `FileChecksum> ${'0'.repeat(digits)}`)
      .replaceAll(/chksum="[ab]+"/g, `chksum="${checksum}"`);
    const bmap = parseBmap(seal(text, nodeName));
    expect(bmap.checksumType).toBe(name);
    expect(bmap.ranges[0]?.checksum).toBe(checksum);
  });

  it('refuses one that Node does not have', () => {
    const error = failureOf(changed('> sha256 <', '> sha257 <'));
    expect(error).toBeInstanceOf(UnsupportedError);
    expect(error.kind).toBe('checksum-type');
    expect(error.message).toMatch(/^x\.bmap, line \d+: .*"sha257"/);
    // Entities stay as they are.
    const escaped = failureOf(changed('> sha256 <', '> sha&lt;256 <'));
    expect(escaped.message).toContain('"sha&lt;256"');
  });
});

/** A file of an old version with `rest` behind the sizes. */
function formatOld(version: string, rest: string): string {
  return (
    `<?xml version="1.0" ?>\n<bmap version="${version}">\n<ImageSize> 8192 </ImageSize>\n` +
    `<BlockSize> 4096 </BlockSize>\n<BlocksCount> 2 </BlocksCount>\n${rest}</bmap>\n`
  );
}

describe('versions', () => {
  it.each(['1.4', '1.9', '2.7'])('%s has the layout of 2.0', (version) => {
    const bmap = parseBmap(changed('version="2.0"', `version="${version}"`));
    expect(bmap).toEqual({ ...sample, version });
  });

  it.each(['0.9', '3.0', '10.0'])('%s is not supported', (version) => {
    const bytes = changed('version="2.0"', `version="${version}"`);
    const error = failureOf(bytes);
    expect(error).toBeInstanceOf(UnsupportedError);
    expect(error.message).toBe(
      `x.bmap, line ${lineOf(bytes, '<bmap ')}: only bmap format version up to 2.0 is supported, version ${version} is not supported`,
    );
  });

  it.each(['', '2', '2.x', '2.0.1', '-2.0', '&#50;.0'])('%j is no version', (version) => {
    expect(failureOf(changed('version="2.0"', `version="${version}"`)).kind).toBe('version');
  });

  const sha1 = '5'.repeat(40);
  const ranges = `<BlockMap><Range sha1="${sha1}"> 1 </Range></BlockMap>`;
  const mapped = '<MappedBlocksCount> 1 </MappedBlocksCount>';

  it('1.3 has SHA-1 under other names', () => {
    const file = `<BmapFileSHA1> ${'0'.repeat(40)} </BmapFileSHA1>`;
    const bmap = parseBmap(seal(formatOld('1.3', mapped + file + ranges), 'sha1', 'BmapFileSHA1'));
    expect(bmap).toMatchObject({ version: '1.3', checksumType: 'sha1' });
    expect(bmap.ranges).toEqual([{ firstBlock: 1, lastBlock: 1, checksum: sha1 }]);
  });

  it.each(['1.0', '1.1', '1.2'])('%s has no file checksum and counts after the map', (version) => {
    const bmap = parseBmap(Buffer.from(formatOld(version, ranges + mapped)));
    expect(bmap).toMatchObject({ version, checksumType: 'sha1', mappedBlockCount: 1 });
  });

  it('1.2 without checksums has no checksum type', () => {
    const text = formatOld('1.2', ranges.replace(/ sha1="\d+"/, '') + mapped);
    expect(parseBmap(Buffer.from(text))).not.toHaveProperty('checksumType');
  });
});

describe('the file checksum', () => {
  it('covers every byte', () => {
    for (const [from, to] of [
      [' 3 ', ' 4 '],
      ['useful', 'Useful'],
      [DIGEST_A, DIGEST_B],
    ] as const) {
      const error = failureOf(Buffer.from(good.replace(from, to)));
      expect(error).toBeInstanceOf(MismatchError);
      expect(error.kind).toBe('bmap-checksum');
      expect(error.message).toMatch(
        /^checksum mismatch for bmap file 'x\.bmap': calculated '[0-9a-f]{64}', should be '[0-9a-f]{64}'$/,
      );
    }
  });

  it.each(['', 'zz', 'a'.repeat(63), `${'a'.repeat(63)}z`])('%j is none', (digits) => {
    const text = good.replace(/FileChecksum> [0-9a-f]+/, `FileChecksum> ${digits}`);
    expect(failureOf(Buffer.from(text))).toBeInstanceOf(CorruptError);
  });
});

describe('damage is named with its line', () => {
  it.each([
    ['image-size', '<ImageSize> 20481', '<ImageSize> 0', '<ImageSize>'],
    ['block-size', '<BlockSize> 4096', '<BlockSize> 0', '<BlockSize>'],
    ['block-count', '<BlocksCount> 6', '<BlocksCount> 7', '<BlocksCount> 7'],
    ['block-count', '<ImageSize> 20481', '<ImageSize> 20480', '<BlocksCount> 6'],
    [
      'mapped-block-count',
      '<MappedBlocksCount> 4',
      '<MappedBlocksCount> 3',
      '<MappedBlocksCount> 3',
    ],
    ['number', '<ImageSize> 20481', '<ImageSize> 0x5001', '<ImageSize>'],
    ['number', '<ImageSize> 20481', '<ImageSize> 9007199254740992', '<ImageSize>'],
    ['number', '<BlockSize> 4096', '<BlockSize> -4096', '<BlockSize>'],
    ['number', '<BlocksCount> 6', '<BlocksCount> &#54;', '<BlocksCount> &'],
    ['element', '<BlocksCount> 6', '<BlocksCount>', '<BlocksCount> <'],
    [
      'duplicate-element',
      '<BlockSize>',
      '<BlockSize> 512 </BlockSize><BlockSize>',
      '<BlockSize> 512',
    ],
    ['missing-element', /<BlockSize>.*/, '', '<bmap '],
    ['range-order', ' 3 ', ' 1 ', '> 1 <'],
    ['range-order', ' 5 ', ' 2 ', '> 2 <'],
    ['range-reversed', ' 0-1 ', ' 1-0 ', '> 1-0 <'],
    ['range-past-end', ' 5 ', ' 5-6 ', '> 5-6 <'],
    ['range-number', ' 5 ', ' 9007199254740993 ', '> 9007199254740993 <'],
    ['range', ' 3 ', ' 3,4 ', '> 3,4 <'],
    ['range', ' 3 ', '', '<Range><'],
    ['range', '<Range> 3', '<Skip> 3', '<Skip> 3'],
    ['range-checksum', DIGEST_A, 'abc', 'chksum="abc"'],
    ['range-checksum', `chksum="${DIGEST_A}"`, `sha1="${'a'.repeat(40)}"`, 'sha1='],
    ['malformed-xml', `chksum="${DIGEST_A}"`, 'chksum="" chksum=""', 'chksum="" '],
    ['malformed-xml', '</ImageSize>', '</ImageSise>', '</ImageSise>'],
    ['malformed-xml', '</bmap>', '</bmapp>', '</bmapp>'],
    ['malformed-xml', '</bmap>', '</bmap> more', ' more'],
    ['doctype', '<bmap version', '<!DOCTYPE bmap [<!ENTITY a "b">]>\n<bmap version', '<!DOCTYPE'],
    ['doctype', '</bmap>', '<!DOCTYPE a></bmap>', '<!DOCTYPE'],
  ])('%s: %s becomes %s', (kind, from, to, where) => {
    const bytes = changed(from, to);
    const error = failureOf(bytes);
    expect(error).toBeInstanceOf(CorruptError);
    expect(error.kind).toBe(kind);
    expect(error.message).toContain(`x.bmap, line ${lineOf(bytes, where)}: `);
  });

  it('a BlockMap that is not a child of the root', () => {
    const text = good.replace('<BlockMap>', '<x><BlockMap>').replace('</bmap>', '</x></bmap>');
    expect(failureOf(seal(text))).toMatchObject({ kind: 'missing-element' });
  });

  it('a root of another name, as error pages of servers have', () => {
    const page = '<?xml version="1.0"?>\n<Error><Code>NoSuchKey</Code></Error>';
    const error = failureOf(Buffer.from(page));
    expect(error).toMatchObject({ kind: 'root' });
    expect(error.message).toBe('x.bmap, line 2: the root element is "Error", not bmap');
  });

  it('a file that is cut anywhere', () => {
    for (let length = 0; length < good.trimEnd().length; length++) {
      expect(failureOf(Buffer.from(good.slice(0, length), 'latin1'))).toBeInstanceOf(CorruptError);
    }
  });

  it('says of a file that ends inside BlockMap that it was cut', () => {
    const error = failureOf(Buffer.from(good.slice(0, good.indexOf('</BlockMap>'))));
    expect(error.message).toMatch(/^x\.bmap, line \d+: .*has been cut$/);
  });

  it.each([
    ['empty', ''],
    ['text', 'hello'],
    ['a signed file', '-----BEGIN PGP SIGNED MESSAGE-----\n'],
    ['UTF-16', '\xff\xfe<\0b\0'],
  ])('%s is not XML', (_, text) => {
    expect(failureOf(Buffer.from(text, 'latin1')).kind).toBe('not-xml');
  });
});

describe('limits', () => {
  it('refuses a file above the size limit', () => {
    expect(failureOf(new Uint8Array(MAX_BMAP_BYTES + 1)).kind).toBe('too-large');
  });

  it('refuses a head above its size limit, and deep nesting inside it', () => {
    const filler = `<!-- ${'x'.repeat(2 ** 20)} -->`;
    expect(failureOf(changed('<BlockMap>', `${filler}<BlockMap>`)).kind).toBe('too-large');
    const nested = `${'<a>'.repeat(20_000)}${'</a>'.repeat(20_000)}<BlockMap>`;
    expect(failureOf(changed('<BlockMap>', nested)).kind).toBe('malformed-xml');
  });

  it.each([
    '<!--',
    '<a ',
    '<![CDATA[',
    '<Range ',
    '<',
    '<?',
    '\r\n',
    '<BlockMap ',
    '<a>',
    '<Range a="" ',
    '<!-- -->',
  ])('ends soon on megabytes of %j', (piece) => {
    const text = good.replace('<BlockMap>', `<BlockMap>${piece.repeat(2_000_000)}`);
    const start = performance.now();
    failureOf(Buffer.from(text));
    failureOf(Buffer.from(`<${piece.repeat(2_000_000)}`));
    expect(performance.now() - start).toBeLessThan(5000);
  });
});
