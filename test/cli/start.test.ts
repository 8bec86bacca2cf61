/**
 * What a command loads before it works. Each file and package costs it 1 to 30 ms, and a scan of a small
 * image takes 10; so what only some images need is loaded when one is met.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';

interface Loaded {
  readonly files: readonly string[];
  readonly packages: readonly string[];
}

/** Everything that the files of dist/bin named here import at once, directly or not. */
function loadedBy(...names: readonly string[]): Loaded {
  const files = new Set(names);
  const packages = new Set<string>();
  // A set that grows while it is walked is walked to its new end.
  for (const name of files) {
    const text = readFileSync(path.join('dist/bin', name), 'utf8');
    for (const [, specifier] of text.matchAll(
      /^(?:import|export) (?:[^"']*? from )?"([^"]+)";$/gm,
    )) {
      if (specifier!.startsWith('./')) files.add(specifier!.slice('./'.length));
      else packages.add(specifier!);
    }
  }
  return { files: [...files].toSorted(), packages: [...packages].toSorted() };
}

it.each([
  ['bmap', { files: ['bmap.js', 'start.js'], packages: ['commander', 'node:fs'] }],
  ['bmaptool', { files: ['bmaptool.js', 'start.js'], packages: ['node:fs'] }],
])('%s starts with two files', (name, loaded) => {
  expect(loadedBy(`${name}.js`)).toEqual(loaded);
});

it('a scan loads neither threads, nor decoders, nor packages beside the command line', () => {
  const { files, packages } = loadedBy('bmap.js', 'scan.js');
  expect(files).toEqual(['bmap.js', 'both.js', 'scan.js', 'start.js']);
  const builtins = ['crypto', 'fs', 'os', 'path', 'url', 'zlib'].map((name) => `node:${name}`);
  expect(packages).toEqual(['commander', ...builtins]);
});

it('a copy loads nothing that only a scan needs', () => {
  const { files, packages } = loadedBy('bmap.js', 'copy.js');
  expect(files).not.toContain('scan.js');
  // The parser of maps is loaded with the first map: it would bring 20 files.
  const notBuiltIn = packages.filter((name) => !name.startsWith('node:'));
  expect(notBuiltIn).toEqual(['commander']);
});
