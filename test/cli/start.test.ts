/**
 * What a command loads before it works. Each file and package costs it 1 to 30 ms, and a scan of a small
 * image takes 10; so what only some images need is loaded when one is met.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { expect, it } from 'vitest';

import { tryRun } from '../support/run.ts';
import { makeScratchFolder } from '../support/scratch.ts';

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
    // What is asked for later stands inside of a function.
    for (const [, specifier] of text.matchAll(/^(?:const|let) \w+ = require\("([^"]+)"\);$/gm)) {
      if (specifier!.startsWith('./')) files.add(specifier!.slice('./'.length));
      else packages.add(specifier!);
    }
  }
  return { files: [...files].toSorted(), packages: [...packages].toSorted() };
}

/** What each file of CommonJS needs, by the bundler. */
const RUNTIME = 'rolldown-runtime.js';

it.each([
  [
    'bmap',
    { files: ['bmap.js', RUNTIME, 'start.js'], packages: ['commander', 'node:fs', 'node:os'] },
  ],
  ['bmaptool', { files: ['bmaptool.js', RUNTIME, 'start.js'], packages: ['node:fs', 'node:os'] }],
])('%s starts with few files', (name, loaded) => {
  expect(loadedBy(`${name}.js`)).toEqual(loaded);
});

it('a scan loads neither threads, nor decoders, nor packages beside the command line', () => {
  const { files, packages } = loadedBy('bmap.js', 'scan.js');
  expect(files).toEqual(['bmap.js', 'both.js', RUNTIME, 'scan.js', 'start.js']);
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

/** Has the command's own file, once loaded, wait for what never comes. */
const FORGETS = `
  const { Module } = require('node:module');
  const load = Module._load;
  Module._load = function (name, ...rest) {
    const never = () => new Promise(() => {});
    return name === './create.js' ? { runCreate: never } : load.call(this, name, ...rest);
  };
`;

it.each([
  ['bmap', 70],
  ['bmaptool', 1],
])('%s does not end with 0 when it has not come to an end', (program, status) => {
  const preload = path.join(makeScratchFolder(), 'forgets.cjs');
  writeFileSync(preload, FORGETS);
  const args = ['--require', preload, `dist/bin/${program}.js`, 'create', preload];
  expect(tryRun(process.execPath, args)).toMatchObject({ status, stdout: '' });
});

/** A computer of twelve cores; tells the number of threads that there are in the end. */
const MANY_CORES = `
  require('node:os').availableParallelism = () => 12;
  const { readdirSync, writeSync } = require('node:fs');
  process.on('exit', () => writeSync(2, String(readdirSync('/proc/self/task').length)));
`;

it.each([
  ['all cores decode, read and write', {}, 14],
  ['the user says how many threads do', { UV_THREADPOOL_SIZE: '3' }, 3],
])('%s', (_, env, poolThreads) => {
  const folder = makeScratchFolder();
  const [preload, image] = [path.join(folder, 'cores.cjs'), path.join(folder, 'image')];
  writeFileSync(preload, MANY_CORES);
  writeFileSync(image, 'content');
  const threadsOf = (...args: readonly string[]): number => {
    const all = ['--require', preload, 'dist/bin/bmap.js', ...args];
    const { status, stderr } = tryRun(process.execPath, all, { env });
    expect(status).toBe(0);
    return Number(stderr);
  };
  // Node starts some for itself.
  const others = threadsOf('--version');
  const target = path.join(folder, 'target');
  expect(threadsOf('-q', 'copy', '--nobmap', image, target) - others).toBe(poolThreads);
});
