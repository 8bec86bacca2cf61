/** What the program says of itself is true, and says it everywhere. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

import { commandFacts } from '../../src/cli/command-facts.ts';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { VARIABLES } from '../../src/cli/help/environment.ts';
import { EXIT_STATUSES } from '../../src/cli/help/exit-status.ts';
import { formatsTopic } from '../../src/cli/help/formats.ts';
import { TOPICS } from '../../src/cli/help/topics.ts';
import { createProgram } from '../../src/cli/program.ts';
import { runBmap } from '../support/run.ts';

const COMMANDS = createProgram('', () => {}).commands.map(commandFacts);

function listSources(): readonly { readonly file: string; readonly text: string }[] {
  return ['src', 'native', 'wasm'].flatMap((root) =>
    readdirSync(root, { recursive: true, encoding: 'utf8' })
      .map((name) => path.join(root, name))
      .filter((file) => /(?<!\.test|\.d)\.ts$/.test(file))
      .map((file) => ({ file, text: readFileSync(file, 'utf8') })),
  );
}

describe('help', () => {
  it('of the program names every command and topic', () => {
    const { status, stdout, stderr } = runBmap(['help']);
    for (const { name } of [...COMMANDS, ...TOPICS]) {
      expect(stdout).toMatch(new RegExp(`^  ${name} `, 'm'));
    }
    expect(stderr).toBe('');
    expect(status).toBe(0);
    expect(runBmap(['--help']).stdout).toBe(stdout);
    expect(runBmap([]).stderr.trim()).toBe(`bmap: no command given\n${stdout.trim()}`);
  });

  it.each(COMMANDS)('of $name is the same in both ways', ({ name, description }) => {
    const { status, stdout } = runBmap(['help', name]);
    expect(stdout.replaceAll(/\s+/g, ' ')).toContain(description);
    expect(runBmap([name, '--help']).stdout).toBe(stdout);
    expect(status).toBe(0);
  });

  it.each(TOPICS)('on $name fits a terminal of 80 columns', async ({ name, load }) => {
    const { title, blocks } = await load();
    const { status, stdout, stderr } = runBmap(['help', name]);
    const lines = stdout.split('\n');
    expect(lines[0]).toBe(title);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
    const words = stdout.replaceAll(/\s+/g, ' ');
    for (const block of blocks) {
      if (block.kind !== 'list') expect(words).toContain(block.text);
      else for (const [, text] of block.entries) expect(words).toContain(text);
    }
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });

  it('on what there is not names what there is', () => {
    const { status, stdout, stderr } = runBmap(['help', 'format']);
    expect(stderr).toMatch(/^bmap: .*'format'.* scan, .*formats, .*environment/);
    expect(stdout).toBe('');
    expect(status).toBe(2);
  });
});

describe('help texts', () => {
  it.each(COMMANDS)('of $name are phrases', ({ summary, options, arguments: values }) => {
    for (const text of [summary, ...[...options, ...values].map((one) => one.text)]) {
      expect(text).toMatch(/^[a-z].*[^.]$/);
    }
  });

  const examples = COMMANDS.flatMap(({ name, notes }) =>
    notes.examples.map(({ line }) => ({ name, line })),
  );

  it('have an example of every command', () => {
    const shown = new Set(examples.map(({ name }) => name));
    expect(COMMANDS.map(({ name }) => name).filter((name) => !shown.has(name))).toEqual([]);
  });

  it.each(examples)('have examples that are understood: $line', ({ name, line }) => {
    const words = /\bbmap ([^|>)]*)/.exec(line)![1]!.trim().split(' ');
    let parsed: string | undefined;
    const program = createProgram('', (command) => {
      command.action(() => {
        parsed = command.name();
      });
    });
    program.parse(words, { from: 'user' });
    expect(parsed).toBe(name);
  });
});

describe('the topic', () => {
  it('exit-codes is the table of docs/exit-codes.md', () => {
    const rows = readFileSync('docs/exit-codes.md', 'utf8').matchAll(
      /^\| (\d+) +\|[^|]*\| ([^|]+?) +\|/gm,
    );
    const documented = [...rows].map(([, code, text]) => [code, text!.replaceAll('`', '')]);
    expect(EXIT_STATUSES).toEqual(documented);
    expect(documented.map(([code]) => Number(code))).toEqual(Object.values(EXIT));
  });

  it('environment names every variable that is read, and no other', () => {
    // Names that are put together, and what Node.js looks at by itself.
    const indirect: readonly (readonly [RegExp, readonly string[]])[] = [
      [/\btmpdir\(\)/, ['TMPDIR', 'TMP', 'TEMP']],
      [
        /const variable = `\$\{protocol.slice\(0, -1\)\}_proxy`/,
        ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY'],
      ],
    ];
    const read = listSources().flatMap(({ text }) => [
      ...[...text.matchAll(/\benv\['(\w+)'\]/g)].map((match) => match[1]!),
      ...indirect.flatMap(([pattern, names]) => (pattern.test(text) ? names : [])),
    ]);
    const named = VARIABLES.flatMap(([names]) => names.split(', '));
    expect(named.toSorted()).toEqual([...new Set(read)].toSorted());
  });

  it('environment knows of every place that puts a name together', () => {
    const places = listSources().flatMap(({ file, text }) =>
      [...text.matchAll(/\benv(?:\[(?!')|\.[A-Z])/g)].map(() => file),
    );
    expect([...new Set(places)]).toEqual(['src/copy/source/input/http-client.ts']);
  });

  it('formats names every disk format that is refused', () => {
    const source = readFileSync('src/image/foreign-formats.ts', 'utf8');
    const names = [...source.matchAll(/diskFormat\('([^']+)'/g)].map((match) => match[1]!);
    const text = JSON.stringify(formatsTopic);
    expect(names.length).toBeGreaterThan(5);
    for (const name of names) expect(text).toContain(name.replace(/ image| \(.*\)/g, ''));
  });
});

it('the start loads no more than the command line needs', () => {
  const loaded = new Set<string>();
  const packages = new Set<string>();
  const visit = (file: string): void => {
    if (loaded.has(file)) return;
    loaded.add(file);
    for (const [, name] of readFileSync(file, 'utf8').matchAll(
      /^(?:import|export) (?!type)(?:[^;']*? from )?'([^']+)';/gm,
    )) {
      if (name!.startsWith('.')) visit(path.join(path.dirname(file), name!));
      else packages.add(name!);
    }
  };
  visit('src/cli/main.ts');
  const folders = new Set([...loaded].map((file) => path.dirname(file)));
  expect([...packages].filter((name) => !name.startsWith('node:'))).toEqual(['commander']);
  expect([...folders].toSorted()).toEqual([
    'src/cli',
    'src/cli/commands',
    'src/cli/help',
    'src/cli/terminal',
    'src/errors',
  ]);
  expect([...loaded].filter((file) => file.includes('/help/'))).toEqual(['src/cli/help/topics.ts']);
});
