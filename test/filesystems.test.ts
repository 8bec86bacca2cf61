/** What belongs to a filesystem that is read, beside its folder. CONTRIBUTING.md has the steps. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

import { formatsTopic } from '../src/cli/help/formats.ts';
import { probes } from '../src/fs-probes/probes.ts';
import { signatures } from '../src/fs-probes/recognized/signatures.ts';

const FORMATS = readdirSync('docs/formats').map((name) =>
  readFileSync(`docs/formats/${name}`, 'utf8'),
);

it('each folder with a reader has its line in probes.ts', () => {
  const folders = readdirSync('src/fs-probes', { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== 'recognized')
    .map(({ name }) => name);
  expect(probes.map(({ name }) => name).toSorted()).toEqual(folders.toSorted());
});

describe.each(probes)('the filesystem $name', ({ name }) => {
  const word = new RegExp(`\\b${name}`, 'i');

  it('has a page in docs/formats that says by which folder it is read', () => {
    expect(FORMATS.filter((text) => text.includes(`src/fs-probes/${name}/`))).toHaveLength(1);
  });

  it.each(['test/poison', 'test/fuzz'])('has tests in %s', (folder) => {
    const files = readdirSync(folder);
    expect(files.filter((file) => file.startsWith(name))).not.toEqual([]);
  });

  it('has a row in the table of README.md, and a line in bmap help formats', () => {
    const rows = readFileSync('README.md', 'utf8').matchAll(/^\| ([^|]+)\| exact/gm);
    const names = [...rows].map((row) => row[1]!).filter((row) => word.test(row));
    expect(names, 'rows of README.md that begin with its name, and then "exact"').toHaveLength(1);
    const terms = formatsTopic.blocks
      .flatMap((block) => (block.kind === 'list' ? block.entries : []))
      .map(([term]) => term);
    expect(
      terms.filter((term) => word.test(term)),
      'terms in src/cli/help/formats.ts',
    ).toHaveLength(1);
  });

  it('is no longer one of those that are only known by name', () => {
    expect(signatures.map(({ type }) => type)).not.toContainEqual(expect.stringMatching(word));
  });
});
