/**
 * Reads the ranges of a bmap file. There may be a million of them, so they are not made into a tree
 * of XML nodes: `BlockMap` holds nothing but `Range` elements, comments and blanks.
 */
import type { BmapRange } from './bmap.ts';
import { faultAt, skipPast, type BmapText } from './bmap-text.ts';

/** One range: its attributes, first block, and last block if it has more than one. 2^53 has 16 digits. */
const RANGE =
  /<Range((?:\s+[\w:.-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*>\s*(\d{1,16})\s*(?:-\s*(\d{1,16})\s*)?<\/Range\s*>/y;
const ATTRIBUTE = /([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g;
const BLANKS = /\s*/y;
const MAX_QUOTED = 40;

type ChecksumAttribute = 'sha1' | 'chksum';

export interface ParsedRanges {
  readonly ranges: readonly BmapRange[];
  /** Where each range stands in the text, for messages. */
  readonly indices: readonly number[];
}

/**
 * Reads the ranges in `[start, end)` of the text. Each checksum has `digestDigits` hex digits.
 * @throws {CorruptError} naming the line, for anything that is not a range.
 */
export function parseRanges(
  file: BmapText,
  start: number,
  end: number,
  checksumAttribute: ChecksumAttribute,
  digestDigits: number,
): ParsedRanges {
  const { text } = file;
  const ranges: BmapRange[] = [];
  const indices: number[] = [];
  for (let at = skipBlanks(text, start); at < end; at = skipBlanks(text, at)) {
    if (text.startsWith('<!--', at)) {
      at = skipPast(file, at, '-->');
      continue;
    }
    RANGE.lastIndex = at;
    const match = RANGE.exec(text);
    if (match === null) {
      const found = JSON.stringify(text.slice(at, at + MAX_QUOTED));
      throw faultAt(file, at, 'range', `expected <Range> FIRST-LAST </Range>, found ${found}`);
    }
    const [whole, attributes, first, last] = match;
    const checksum = readChecksum(file, at, attributes!, checksumAttribute, digestDigits);
    ranges.push({
      firstBlock: Number(first),
      lastBlock: Number(last ?? first),
      ...(checksum !== undefined && { checksum }),
    });
    indices.push(at);
    at += whole.length;
  }
  return { ranges, indices };
}

function skipBlanks(text: string, at: number): number {
  BLANKS.lastIndex = at;
  BLANKS.test(text);
  return BLANKS.lastIndex;
}

function readChecksum(
  file: BmapText,
  at: number,
  attributes: string,
  checksumAttribute: ChecksumAttribute,
  digestDigits: number,
): string | undefined {
  if (attributes === '') return undefined;
  const values = new Map<string, string>();
  for (const [, name, doubleQuoted, singleQuoted] of attributes.matchAll(ATTRIBUTE)) {
    if (values.has(name!)) throw faultAt(file, at, 'malformed-xml', `${name} is there twice`);
    values.set(name!, doubleQuoted ?? singleQuoted ?? '');
  }
  const foreign = checksumAttribute === 'sha1' ? 'chksum' : 'sha1';
  if (values.has(foreign)) {
    // If it were ignored, the range would be copied unchecked although it has a checksum.
    const problem = `the checksum is called ${foreign}, but ${checksumAttribute} in this version`;
    throw faultAt(file, at, 'range-checksum', problem);
  }
  const checksum = values.get(checksumAttribute);
  if (checksum === undefined || isDigest(checksum, digestDigits)) return checksum?.toLowerCase();
  throw faultAt(file, at, 'range-checksum', `a checksum is not ${digestDigits} hex digits`);
}

/** True for `digits` hex digits of either case. */
export function isDigest(text: string, digits: number): boolean {
  return text.length === digits && /^[0-9a-fA-F]+$/.test(text);
}
