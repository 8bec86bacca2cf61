/**
 * Every command line in the documents is one that the program takes. It is run as well, unless the table
 * below says why not, and what is shown as its output is its output.
 */
import { readFileSync } from 'node:fs';

import { CommanderError } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { assertComplete, parseArguments } from '../../src/cli/bmaptool/parse-arguments.ts';
import { COMMANDS, PROGRAM } from '../../src/cli/bmaptool/surface.ts';
import { createProgram } from '../../src/cli/program.ts';
import {
  listDocuments,
  readCommandExamples,
  readInlineCommands,
  type CommandExample,
} from './documents.ts';
import { Sandbox } from './sandbox.ts';

/** Why a command line is read, but not run. */
const NOT_RUN: readonly (readonly [pattern: RegExp, reason: string])[] = [
  [/:\/\//, 'needs a server'],
  [/ --also /, 'only block devices can be written to several at once'],
  [/ --removable-device /, 'needs such a device'],
  [/ --(?:bmap-sig|keyring|fingerprint) /, 'needs a key'],
  [/ - /, 'reads what another program writes'],
  [/[$*?{]/, 'a shell puts something in'],
  [/ (?:~|\/(?!dev\/sd[A-Z]\b))/, 'names a place on another machine'],
];

function isOurs(program: string | undefined): program is 'bmap' | 'bmaptool' {
  return program === 'bmap' || program === 'bmaptool';
}

/** @throws {Error} unless the program takes these words; what is missing may be missing if not whole. */
function parse([program, ...args]: readonly string[], isWhole: boolean): void {
  if (program === 'bmap') parseBmap(args, isWhole);
  else parseBmaptool(args, isWhole);
}

function parseBmap(args: readonly string[], isWhole: boolean): void {
  const program = createProgram('0.0.0', (command) => command.action(() => {}));
  try {
    program.parse(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    const isHalf = error.code === 'commander.missingArgument' || error.code === 'commander.help';
    if (error.exitCode !== 0 && (isWhole || !isHalf)) throw error;
  }
}

function parseBmaptool(args: readonly string[], isWhole: boolean): void {
  const { positionals, rest, unknown, options } = parseArguments(PROGRAM, args);
  if (options.has('--version') || options.has('--help')) return;
  const spec = COMMANDS.get(positionals[0] ?? '');
  if (spec === undefined) throw new Error(`bmaptool has no command ${positionals[0]}`);
  const parsed = parseArguments(spec, rest);
  if (isWhole) assertComplete(spec, parsed);
  expect([...unknown, ...parsed.unknown]).toEqual([]);
}

/** `...` in what is shown stands for anything, whole lines too. */
function expectShown(printed: string, shown: readonly string[]): void {
  const escaped = shown.map((line) => line.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`));
  const pattern = escaped.join('\n').replaceAll(String.raw`\.\.\.`, '[^]*');
  expect(printed.trimEnd()).toMatch(new RegExp(`^${pattern}$`));
}

const documents = listDocuments()
  .map((file) => ({ file, examples: readCommandExamples(file) }))
  .filter(({ examples }) => examples.length > 0);

it('finds the examples of the README', () => {
  const found = documents.find(({ file }) => file === 'README.md')?.examples ?? [];
  expect(found.filter(({ commands }) => isOurs(commands[0]?.words[0])).length).toBeGreaterThan(10);
  expect(found.some(({ shown }) => shown !== undefined)).toBe(true);
});

describe.each(documents)('in $file', ({ examples }) => {
  let sandbox: Sandbox;
  beforeAll(() => {
    sandbox = new Sandbox();
  });
  afterAll(() => sandbox.remove());

  const ours = examples.filter(({ commands }) => commands.some(({ words }) => isOurs(words[0])));
  it.each(ours)('line $line is understood: $text', ({ commands }) => {
    for (const { words } of commands) if (isOurs(words[0])) parse(words, true);
  });

  const runnable = ours.filter(
    ({ text, commands }) =>
      !NOT_RUN.some(([pattern]) => pattern.test(text)) &&
      commands.every(({ words }) => isOurs(words[0])),
  );
  it.each(runnable)('line $line works: $text', ({ commands, shown }: CommandExample) => {
    const results = commands.map((command) => sandbox.run(command));
    const printed = results.map((result) => result.printed).join('');
    for (const { status } of results) expect(status, printed).toBe(0);
    if (shown !== undefined) expectShown(printed, shown);
  });

  it.each(ours.filter(({ shown }) => shown !== undefined))(
    'line $line is run, since its output is shown: $text',
    (example) => expect(runnable).toContain(example),
  );

  it('names scripts that the package has', () => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as {
      readonly scripts: Readonly<Record<string, string>>;
    };
    const named = examples.flatMap(({ text }) => [
      ...text.matchAll(/\bnpm run (?:-\S+ )*([\w:]+)/g),
    ]);
    const unknown = named.map((match) => match[1]!).filter((name) => !(name in scripts));
    expect(unknown).toEqual([]);
  });
});

/** Where a command or topic is left open there is nothing to look up. */
const inline = listDocuments()
  .flatMap((file) => readInlineCommands(file).map((text) => ({ file, text })))
  .filter(({ text }) => !/\b(?:COMMAND|TOPIC)\b/.test(text));

it.each(inline)('in $file, the program knows $text', ({ text }) => {
  parse(text.split(' '), false);
});
