/**
 * The text of a bmap file and places in it. The text is the file's bytes read as Latin-1, so an index
 * into it is a byte position; everything that the format defines is ASCII.
 *
 * Each search goes forward only and gives up at the first thing that does not end, so its cost is
 * linear in the text whatever that holds.
 */
import { CorruptError, type Place } from '../errors/errors.ts';

/** A bmap file's text, and the name it has in messages. */
export interface BmapText {
  readonly text: string;
  readonly name: string;
}

/** For example `disk.bmap, line 12`. */
export function placeAt({ text, name }: BmapText, index: number): Place {
  return { structure: `${name}, line ${countLines(text, 0, index) + 1}` };
}

/** The error that says in which line the file is wrong. */
export function faultAt(file: BmapText, index: number, kind: string, text: string): CorruptError {
  return new CorruptError(kind, placeAt(file, index), text);
}

/** The number of line ends in `[from, to)`. */
export function countLines(text: string, from: number, to: number): number {
  let count = 0;
  for (let at = text.indexOf('\n', from); at !== -1 && at < to; at = text.indexOf('\n', at + 1)) {
    count++;
  }
  return count;
}

/**
 * Every start tag in `[from, to)` in order, but for what stands in comments and CDATA sections.
 * @throws {CorruptError} kind `doctype` for a document type: no bmap needs one, and entities are a
 *   way to make a small file large; kind `malformed-xml` for a comment or section without an end.
 */
export function* startTags(
  file: BmapText,
  from = 0,
  to = file.text.length,
): Generator<{ readonly name: string; readonly index: number }> {
  const { text } = file;
  const tag = /<([\w:.-]+)/y;
  let at = text.indexOf('<', from);
  while (at !== -1 && at < to) {
    if (text.startsWith('<!--', at)) at = skipPast(file, at, '-->');
    else if (text.startsWith('<![CDATA[', at)) at = skipPast(file, at, ']]>');
    else if (text.startsWith('<!', at)) {
      const problem = 'declarations such as DOCTYPE have no place in a bmap file';
      throw faultAt(file, at, 'doctype', problem);
    } else {
      tag.lastIndex = at;
      const name = tag.exec(text)?.[1];
      if (name !== undefined) yield { name, index: at };
      at++;
    }
    at = text.indexOf('<', at);
  }
}

/** The index behind the next `end` after the opening at `at`. @throws {CorruptError} if there is none. */
export function skipPast(file: BmapText, at: number, end: string): number {
  const found = file.text.indexOf(end, at + '<!--'.length);
  if (found === -1) {
    const problem = `what starts here has no "${end}": the file may have been cut`;
    throw faultAt(file, at, 'malformed-xml', problem);
  }
  return found + end.length;
}
