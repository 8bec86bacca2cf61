/**
 * How many columns of a terminal a text takes, or narrow letters of a drawing. For escaped text, without
 * control characters.
 * Source: Unicode Standard Annex 11, as far as its wide classes can be told from scripts.
 */
// Marks that stand over the character before them.
const ZERO_WIDTH = /[\p{Mn}\p{Me}]/u;
// Han, kana, Hangul, CJK punctuation and full-width forms, emoji; half-width forms are none of these.
const DOUBLE_WIDTH =
  /(?![\uff61-\uffdc])[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\u3000-\u303e\uff01-\uff60\uffe0-\uffe6]/u;

export function textWidth(text: string): number {
  let width = 0;
  for (const char of text) width += charWidth(char);
  return width;
}

/** The text, or as much of its start as fits with `~` behind it. */
export function fitText(text: string, columns: number): string {
  if (textWidth(text) <= columns) return text;
  const [start] = splitAt(text, columns - 1);
  return `${start}~`;
}

/**
 * Breaks at blanks, and inside of words that are wider than a line. Every line but the first starts
 * with the indent, which is narrower than `columns`.
 */
export function wrapText(text: string, columns: number, indent: string): readonly string[] {
  const lines: string[] = [];
  let line = '';
  let isEmpty = true;
  for (const word of text.split(' ')) {
    const joined = isEmpty ? line + word : `${line} ${word}`;
    if (isEmpty || textWidth(joined) <= columns) {
      line = joined;
    } else {
      lines.push(line);
      line = indent + word;
    }
    isEmpty = false;
    while (textWidth(line) > columns) {
      const [start, rest] = splitAt(line, columns);
      lines.push(start);
      line = indent + rest;
    }
  }
  return [...lines, line];
}

function charWidth(char: string): number {
  if (char < '\u0300') return 1;
  return ZERO_WIDTH.test(char) ? 0 : DOUBLE_WIDTH.test(char) ? 2 : 1;
}

/** Cuts before the first character that would pass the column. */
function splitAt(text: string, columns: number): readonly [string, string] {
  let width = 0;
  let length = 0;
  for (const char of text) {
    width += charWidth(char);
    if (width > columns) break;
    length += char.length;
  }
  return [text.slice(0, length), text.slice(length)];
}
