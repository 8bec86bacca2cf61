/**
 * The examples in our documents: command lines in blocks that are indented or fenced as `sh`, `console` or
 * without a word, and TypeScript in blocks fenced as `ts`, also in comments of the sources. A block that is
 * no example is fenced as `text`.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

export interface CommandExample {
  readonly file: string;
  readonly line: number;
  /** As it stands in the document, without prompt. */
  readonly text: string;
  /** The commands that the shell would start, one after the other. */
  readonly commands: readonly Command[];
  /** The lines under a `$` that are shown as its output; undefined where none are. */
  readonly shown: readonly string[] | undefined;
}

export interface Command {
  /** Program and arguments. */
  readonly words: readonly string[];
  /** Where its output goes. */
  readonly output: string | undefined;
}

export interface CodeExample {
  readonly file: string;
  readonly line: number;
  readonly text: string;
}

interface Block {
  readonly file: string;
  /** The line of the document of the first one here, counted from 1. */
  readonly line: number;
  /** What stands behind the fence; empty for indented blocks. */
  readonly language: string;
  readonly lines: readonly string[];
}

const SHELL = ['', 'sh', 'bash', 'console', 'shell'];

/** Every Markdown file of the project but those of packages. */
export function listDocuments(): readonly string[] {
  const below = (folder: string): readonly string[] =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) =>
      path.join(folder, name),
    );
  const all = [...readdirSync('.'), ...below('docs'), 'native/README.md', 'wasm/README.md'];
  return all.filter((file) => file.endsWith('.md') && !file.includes('node_modules'));
}

export function readCommandExamples(file: string): readonly CommandExample[] {
  const blocks = splitBlocks(file, readFileSync(file, 'utf8').split('\n'));
  return blocks
    .filter(({ language }) => SHELL.includes(language))
    .flatMap((block) => readCommands(block));
}

export function readCodeExamples(file: string): readonly CodeExample[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  const plain = file.endsWith('.ts') ? lines.map((line) => line.replace(/^\s*\* ?/, '')) : lines;
  return splitBlocks(file, plain)
    .filter(({ language }) => language === 'ts')
    .map(({ line, lines: code }) => ({ file, line, text: code.join('\n') }));
}

/** What stands between backticks in running text and starts with a program of ours. */
export function readInlineCommands(file: string): readonly string[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  const inBlocks = new Set(
    splitBlocks(file, lines).flatMap(({ line, lines: own }) => own.map((_, index) => line + index)),
  );
  const prose = lines.map((line, index) => (inBlocks.has(index + 1) ? '' : line)).join('\n');
  return [...prose.matchAll(/`(bmap(?:tool)? [^`]+)`/g)].map((match) =>
    match[1]!.replaceAll(/\s+/g, ' '),
  );
}

function splitBlocks(file: string, lines: readonly string[]): readonly Block[] {
  const blocks: Block[] = [];
  let fence: { readonly language: string; readonly start: number } | undefined;
  let indentedFrom: number | undefined;
  const close = (language: string, start: number, end: number, indent: number): void => {
    const own = lines.slice(start, end).map((line) => line.slice(indent));
    blocks.push({ file, line: start + 1, language, lines: own });
  };
  for (const [index, line] of lines.entries()) {
    const mark = /^```(\w*)/.exec(line);
    if (fence !== undefined) {
      if (mark === null) continue;
      close(fence.language, fence.start, index, 0);
      fence = undefined;
    } else if (mark !== null) fence = { language: mark[1]!, start: index + 1 };
    else if (line.startsWith('    ')) indentedFrom ??= index;
    else if (indentedFrom !== undefined && line !== '') {
      close('', indentedFrom, index, 4);
      indentedFrom = undefined;
    }
  }
  if (indentedFrom !== undefined) close('', indentedFrom, lines.length, 4);
  return blocks;
}

function readCommands({ file, line, lines }: Block): readonly CommandExample[] {
  const hasPrompts = lines.some((text) => text.startsWith('$ '));
  const examples: CommandExample[] = [];
  for (let index = 0; index < lines.length; index++) {
    const first = index;
    let text = lines[index]!;
    while (text.endsWith('\\') && index + 1 < lines.length) {
      text = `${text.slice(0, -1)}${lines[++index]!.trimStart()}`;
    }
    if (hasPrompts && !text.startsWith('$ ')) continue;
    text = text.replace(/^\$ /, '');
    const end = lines.findIndex((other, at) => at > index && other.startsWith('$ '));
    const behind = lines.slice(index + 1, end === -1 ? undefined : end);
    const shown = hasPrompts && behind.join('').trim() !== '' ? trimEnd(behind) : undefined;
    const commands = splitCommands(text);
    if (commands.length > 0) examples.push({ file, line: line + first, text, commands, shown });
  }
  return examples;
}

function trimEnd(lines: readonly string[]): readonly string[] {
  const last = lines.findLastIndex((line) => line !== '');
  return lines.slice(0, last + 1);
}

/** Words before a program that are not the program. */
const PREFIX = /^(?:sudo|time|do|then|if|!|\w+=.*)$/;

/** As a shell would take the line apart, but for all that it would put in. */
function splitCommands(text: string): readonly Command[] {
  const tokens = text.matchAll(/"([^"]*)"|'([^']*)'|(&&|\|\||[|;&<>]+)|#.*$|[^\s|;&<>"']+/g);
  const commands: { words: string[]; output: string | undefined }[] = [];
  let current: { words: string[]; output: string | undefined } | undefined;
  let redirected = '';
  for (const [token, double, single, operator] of tokens) {
    if (operator !== undefined) {
      if (/[<>]/.test(operator)) redirected = operator;
      else current = undefined;
    } else if (redirected !== '') {
      if (redirected === '>' && current !== undefined) current.output = token;
      redirected = '';
    } else if (!token.startsWith('#') && (current !== undefined || !PREFIX.test(token))) {
      if (current === undefined) commands.push((current = { words: [], output: undefined }));
      current.words.push(double ?? single ?? token);
    }
  }
  return commands;
}
