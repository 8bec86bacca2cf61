/** The code in the documents and in comments compiles against the types that ship, and runs. */
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { expect, it, onTestFinished } from 'vitest';

import { run } from '../support/run.ts';
import { listDocuments, readCodeExamples } from './documents.ts';
import { Sandbox } from './sandbox.ts';

const sources = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => path.join('src', name));
const examples = [...listDocuments(), ...sources].flatMap((file) => readCodeExamples(file));

/** Stricter than our own: the types of the package may not lean on what a user does not have. */
const COMPILER_OPTIONS = {
  module: 'nodenext',
  target: 'es2023',
  types: ['node'],
  strict: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: false,
};

it('there are examples', () => {
  expect(examples.map(({ file }) => file)).toContain('README.md');
});

it.each(examples)('$file, line $line', ({ text }) => {
  const sandbox = new Sandbox();
  onTestFinished(() => sandbox.remove());
  const { folder } = sandbox;
  mkdirSync(path.join(folder, 'node_modules'));
  symlinkSync(path.resolve('.'), path.join(folder, 'node_modules/bmap-cli'));
  symlinkSync(path.resolve('node_modules/@types'), path.join(folder, 'node_modules/@types'));
  const at = (name: string) => path.join(folder, name);
  writeFileSync(at('package.json'), '{ "type": "module" }');
  writeFileSync(at('tsconfig.json'), JSON.stringify({ compilerOptions: COMPILER_OPTIONS }));
  writeFileSync(at('example.ts'), text);
  run(path.resolve('node_modules/.bin/tsc'), [], { cwd: folder });
  sandbox.provide([...text.matchAll(/'([^']+)'/g)].map((match) => match[1]!));
  run(process.execPath, ['example.js'], { cwd: folder });
});
