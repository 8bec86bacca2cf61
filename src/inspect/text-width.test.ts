import { describe, expect, it } from 'vitest';

import { fitText, textWidth, wrapText } from './text-width.ts';

describe('textWidth', () => {
  it.each([
    ['root', 4],
    ['é', 1],
    ['e\u0301', 1],
    ['日本', 4],
    ['한글ｶ', 5],
    ['ＡＢ', 4],
    ['💾', 2],
    ['', 0],
  ])('of %j is %d', (text, width) => expect(textWidth(text)).toBe(width));
});

describe('fitText', () => {
  it('cuts with a mark, and never through a wide character', () => {
    expect(fitText('system', 6)).toBe('system');
    expect(fitText('system', 5)).toBe('syst~');
    expect(fitText('日本語', 6)).toBe('日本語');
    expect(fitText('日本語', 5)).toBe('日本~');
    expect(fitText('日本語', 4)).toBe('日~');
  });
});

describe('wrapText', () => {
  it('breaks at blanks and indents what follows', () => {
    expect(wrapText('one two three', 8, '  ')).toEqual(['one two', '  three']);
    expect(wrapText('one two', 7, '  ')).toEqual(['one two']);
  });

  it('breaks words that are wider than a line', () => {
    expect(wrapText('a 0123456789 b', 6, ' ')).toEqual(['a', ' 01234', ' 56789', ' b']);
    expect(wrapText('0123456789', 4, '')).toEqual(['0123', '4567', '89']);
    expect(wrapText('日本語日本語', 5, ' ')).toEqual(['日本', ' 語日', ' 本語']);
  });

  it('keeps blanks inside of a line', () => {
    expect(wrapText('a  b', 10, '')).toEqual(['a  b']);
  });
});
