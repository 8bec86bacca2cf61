/**
 * Reads everything of a bmap file but its ranges: the root with its version, and the elements with
 * sizes, counts and checksum. This part is small, so it goes through an XML parser, which never
 * expands entities; the content of `BlockMap` is cut out before.
 */
import { createRequire } from 'node:module';

import { CorruptError, type Place } from '../errors/errors.ts';
import { countLines, faultAt, placeAt, startTags, type BmapText } from './bmap-text.ts';

/** As a module of CommonJS, where it is one file: those that `import` would find take 20 ms to load. */
const { XMLParser, XMLValidator } = createRequire(import.meta.url)(
  'fast-xml-parser',
) as typeof import('fast-xml-parser');

/** As bmaptool writes it, this part takes about 3 KiB. A hostile quarter of a MiB is parsed within a second. */
const MAX_OUTLINE_BYTES = 2 ** 18;
/** Messages of the parser may quote the file. */
const MAX_QUOTED = 200;
/** 2^53 has 16 digits. */
const NUMBER = /^\d{1,16}$/;

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '@',
  ignoreDeclaration: true,
  ignorePiTags: true,
  parseTagValue: false,
  parseAttributeValue: false,
  processEntities: false,
});

export class BmapOutline {
  /** The ranges lie between these two indices. */
  readonly contentStart: number;
  readonly contentEnd: number;
  readonly #file: BmapText;
  readonly #root: Readonly<Record<string, unknown>>;
  /** Where the first tag of each name starts. */
  readonly #indices = new Map<string, number>();

  /** @throws {CorruptError} unless the file is well-formed XML with root `bmap` and one `BlockMap`. */
  constructor(file: BmapText) {
    this.#file = file;
    [this.contentStart, this.contentEnd] = findContent(file);
    const { text, name } = file;
    const outline = text.slice(0, this.contentStart) + text.slice(this.contentEnd);
    if (outline.length > MAX_OUTLINE_BYTES) {
      const problem = `${outline.length} bytes are not ranges, above ${MAX_OUTLINE_BYTES}`;
      throw new CorruptError('too-large', { structure: name }, problem);
    }
    this.#indexTags(0, this.contentStart);
    this.#indexTags(this.contentEnd, text.length);
    this.#assertWellFormed(outline);
    this.#root = this.#readRoot(outline);
    this.#findElement('BlockMap');
  }

  /** The line of the first element of that name, or of the file's start. */
  placeOf(name: string): Place {
    return placeAt(this.#file, this.indexOf(name));
  }

  indexOf(name: string): number {
    return this.#indices.get(name) ?? 0;
  }

  /** The version in the root element. @throws {CorruptError} kind `version` if there is none. */
  get version(): string {
    const version = this.#root['@version'];
    if (typeof version === 'string') return version.trim();
    throw new CorruptError('version', this.placeOf('bmap'), 'the root element has no version');
  }

  /**
   * The text of an element, without blanks around it.
   * @throws {CorruptError} kind `missing-element`, `duplicate-element`, or `element` if it is empty.
   */
  readText(name: string): string {
    const node = this.#findElement(name);
    // An element with attributes is an object that holds its text under a name of its own.
    const value =
      typeof node === 'object' && node !== null && '#text' in node ? node['#text'] : node;
    if (typeof value === 'string' && value.trim() !== '') return value.trim();
    throw new CorruptError('element', this.placeOf(name), `<${name}> has no text`);
  }

  /** A whole number, at most 2^53-1. @throws {CorruptError} as `readText`, or kind `number`. */
  readNumber(name: string): number {
    const text = this.readText(name);
    const value = Number(text);
    if (NUMBER.test(text) && Number.isSafeInteger(value)) return value;
    const problem = `<${name}> holds ${quote(text)}, which is not a number below 2^53`;
    throw new CorruptError('number', this.placeOf(name), problem);
  }

  #findElement(name: string): unknown {
    const node = Object.hasOwn(this.#root, name) ? this.#root[name] : undefined;
    if (node === undefined) {
      throw new CorruptError('missing-element', this.placeOf('bmap'), `there is no <${name}>`);
    }
    if (!Array.isArray(node)) return node;
    const problem = `<${name}> is there ${node.length} times`;
    throw new CorruptError('duplicate-element', this.placeOf(name), problem);
  }

  #indexTags(from: number, to: number): void {
    for (const { name, index } of startTags(this.#file, from, to)) {
      if (!this.#indices.has(name)) this.#indices.set(name, index);
    }
  }

  #assertWellFormed(outline: string): void {
    const result = XMLValidator.validate(outline);
    if (result === true) return;
    const { text, name } = this.#file;
    // The validator counts lines in what is left after the ranges were cut out.
    const linesBefore = countLines(text, 0, this.contentStart) + 1;
    const linesCut = countLines(text, this.contentStart, this.contentEnd);
    const line = result.err.line > linesBefore ? result.err.line + linesCut : result.err.line;
    const place = { structure: `${name}, line ${line}` };
    throw new CorruptError('malformed-xml', place, quoteMessage(result.err.msg));
  }

  #readRoot(outline: string): Readonly<Record<string, unknown>> {
    let document: Record<string, unknown>;
    try {
      document = parser.parse(outline) as Record<string, unknown>;
    } catch (error) {
      // The parser has no error class of its own; what it could not read is the file's fault.
      const place = { structure: this.#file.name };
      throw new CorruptError('malformed-xml', place, quoteMessage((error as Error).message), {
        cause: error,
      });
    }
    const root = document['bmap'];
    if (root === undefined) {
      const [found = 'nothing'] = Object.keys(document);
      const problem = `the root element is ${quote(found)}, not bmap`;
      throw faultAt(this.#file, this.indexOf(found), 'root', problem);
    }
    return typeof root === 'object' ? (root as Record<string, unknown>) : {};
  }
}

/** Where the content of `BlockMap` starts and ends. Empty, and at 0, if no such element is near the start. */
function findContent(file: BmapText): readonly [number, number] {
  for (const { name, index } of startTags(file, 0, MAX_OUTLINE_BYTES)) {
    if (name !== 'BlockMap') continue;
    const opening = /<BlockMap\s*(\/?)>/y;
    opening.lastIndex = index;
    const match = opening.exec(file.text);
    if (match === null)
      throw faultAt(file, index, 'element', '<BlockMap> has attributes or no end');
    const contentStart = index + match[0].length;
    if (match[1] === '/') return [contentStart, contentStart];
    const contentEnd = file.text.lastIndexOf('</BlockMap');
    if (contentEnd >= contentStart) return [contentStart, contentEnd];
    const problem = '<BlockMap> has no end: the file has been cut';
    throw faultAt(file, file.text.length, 'malformed-xml', problem);
  }
  return [0, 0];
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, MAX_QUOTED));
}

function quoteMessage(message: string): string {
  return `not well-formed XML: ${message.slice(0, MAX_QUOTED)}`;
}
