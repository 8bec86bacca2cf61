/** docs/findings.md lists every finding, and no other. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

import { probes } from '../src/fs-probes/probes.ts';
import { collectErrorKinds } from './support/error-kinds.ts';

/** The folder of a filesystem's reader is its name in findings. */
const READERS = probes.map(({ name }) => name).join('|');
const AREAS = `scan|verity|cross-check|copy|source|verify|partition|table|mbr|ebr|gpt|${READERS}`;
const CODES = new RegExp(`'((?:${AREAS})\\.[a-z0-9.-]+)'`, 'g');

const sources = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
  .map((name) => path.join('src', name))
  .map((file) => ({ file, text: readFileSync(file, 'utf8') }));

function listCodesInSources(): readonly string[] {
  const codes = sources
    .filter(({ file }) => !file.startsWith('src/cli/'))
    .flatMap(({ text }) => [...text.matchAll(CODES)].map((match) => match[1]!));
  return [...new Set(codes)];
}

/** What a reader of filesystems throws becomes a finding: its name and the kind. */
function listReasonsInSources(): ReadonlyMap<string, string> {
  const root = 'src/fs-probes/';
  const { known } = collectErrorKinds(['src/fs-probes', 'src/bytes']);
  const reasons = new Map<string, string>();
  const add = (reader: string, family: string, kind: string) =>
    reasons.set(`${reader}.${kind}`, family === 'CorruptError' ? 'error' : 'warning');
  for (const { file, family, kind } of known) {
    if (file.startsWith(root)) add(file.split('/')[2]!, family, kind);
    else {
      // What all of them share.
      const importers = sources.filter(({ text }) => text.includes(file.replace('src/', '')));
      for (const importer of importers) {
        if (importer.file.startsWith(root)) add(importer.file.split('/')[2]!, family, kind);
      }
    }
  }
  return reasons;
}

function readRows(): ReadonlyMap<string, string> {
  const document = readFileSync('docs/findings.md', 'utf8');
  const rows = document.matchAll(/^\| `([^`]+)` +\| (\w+)/gm);
  return new Map([...rows].map((match) => [match[1]!, match[2]!]));
}

describe('the table of findings', () => {
  it('is complete and has nothing else', () => {
    const expected = [...listCodesInSources(), ...listReasonsInSources().keys()];
    const rows = [...readRows().keys()];
    expect(rows.toSorted(), 'the rows of docs/findings.md').toEqual(expected.toSorted());
  });

  it('says what is damage and what is not supported', () => {
    const rows = readRows();
    for (const [code, level] of listReasonsInSources()) {
      expect(rows.get(code), `the level of ${code} in docs/findings.md`).toBe(level);
    }
  });

  it('is looked for under all names that findings have', () => {
    const written = sources.flatMap(({ text }) => [
      ...text.matchAll(/\bcode: ('[a-z0-9-]+\.[^']*')/g),
    ]);
    const strange = written.map((match) => match[1]!).filter((code) => !code.match(CODES));
    expect(strange, 'codes that start with none of AREAS').toEqual([]);
  });
});
