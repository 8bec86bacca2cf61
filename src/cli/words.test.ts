import { describe, expect, it } from 'vitest';

import { escapeJson, escapeMessage, escapeText } from './terminal/escape-text.ts';
import { collectNumber, collectRange, parseSize } from './parse-options.ts';
import { formatProgress } from './terminal/progress-bar.ts';

describe('text from outside', () => {
  it.each([
    ['root', 'root'],
    ['Grüße 磁盘', 'Grüße 磁盘'],
    ['a\u001b[31mb', 'a\\x1b[31mb'],
    ['tab\tline\nreturn\r', 'tab\\x09line\\x0areturn\\x0d'],
    ['\u009bC1', '\\x9bC1'],
    ['abc\u202edef', 'abc\\u{202e}def'],
    ['zero\u200bwidth', 'zero\\u{200b}width'],
    ['\ud800', '\\u{d800}'],
    ['C:\\x1b', 'C:\\\\x1b'],
  ])('%j is shown as %j', (text, shown) => {
    expect(escapeText(text)).toBe(shown);
  });

  it('is the same text in a JSON document, and safe to print', () => {
    const document = { name: 'a\u202eb\u009bc \u{e0041} Grüße "\\"', list: [1, 2] };
    const json = escapeJson(JSON.stringify(document, undefined, 2));
    expect(JSON.parse(json)).toEqual(document);
    expect(json).toContain('"a\\u202eb\\u009bc \\udb40\\udc41 Grüße');
  });

  it('keeps the lines of a message', () => {
    expect(escapeMessage('one\n\u0007two C:\\dir')).toBe('one\n\\x07two C:\\dir');
  });
});

describe('values of options', () => {
  it.each([
    ['0', 0],
    ['4096', 4096],
    ['64K', 65536],
    ['1m', 1048576],
    ['2GiB', 2 ** 31],
    ['3TB', 3 * 2 ** 40],
  ])('the size %s is %d', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  it.each(['', '-1', '1.5K', 'K', '1KK', '0x10', '9007199254740993', '9000000T'])(
    'the size %j is refused',
    (text) => {
      expect(() => parseSize(text)).toThrow(/Give bytes/);
    },
  );

  it('ranges and numbers are collected', () => {
    const first = collectRange('1K-2K', []);
    expect(collectRange('0-1M', first)).toEqual([
      { startByte: 1024, endByte: 2048 },
      { startByte: 0, endByte: 1048576 },
    ]);
    expect(collectNumber('12', [3])).toEqual([3, 12]);
  });

  it.each(['5', '5-5', '6-5', '1-2-3', '-5', '5-'])('the range %j is refused', (text) => {
    expect(() => collectRange(text, [])).toThrow(/Give|must end/);
  });

  it.each(['0', '-1', '1.5', 'two', ''])('the partition number %j is refused', (text) => {
    expect(() => collectNumber(text, [])).toThrow(/Give a partition number/);
  });
});

describe('the progress line', () => {
  it('tells share, amount, speed and remaining time', () => {
    const line = formatProgress('hashing', 2 ** 30, 4 * 2 ** 30, 10);
    expect(line).toBe(
      'hashing [######------------------]  25%  1.0 GiB of 4.0 GiB  102.4 MiB/s  0:30 left',
    );
  });

  it('has an answer before the first byte, and for no bytes at all', () => {
    expect(formatProgress('hashing', 0, 100, 0)).toMatch(/ 0%.*0:00 left$/);
    expect(formatProgress('hashing', 0, 0, 1)).toMatch(/100%/);
  });
});
