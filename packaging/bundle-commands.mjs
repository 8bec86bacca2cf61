/**
 * Puts the compiled modules of the two commands together in dist/bin. Node reads every file of a program
 * by itself, which takes longer than a small scan does; here a scan has five. Packages, worker threads and
 * the library stay what they are: the first are asked for by name, the second by their place in dist.
 *
 * usage: node packaging/bundle-commands.mjs     behind tsc, as `npm run build` does it
 */
import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { rolldown } from 'rolldown';

const dist = fileURLToPath(new URL('../dist', import.meta.url));
const folder = path.join(dist, 'bin');
const entries = { bmap: 'src/cli/main.js', bmaptool: 'src/cli/bmaptool.js' };

/** All that a module imports before it runs, itself included. */
function reach(file, found = new Set()) {
  if (found.has(file)) return found;
  found.add(file);
  const text = readFileSync(file, 'utf8');
  for (const [, place] of text.matchAll(/^(?:im|ex)port [^;]*?from '(\.[^']+)'/gm)) {
    reach(path.resolve(path.dirname(file), place), found);
  }
  return found;
}

const scan = path.join(dist, 'src/cli/actions/scan.js');
const copy = path.join(dist, 'src/cli/actions/copy.js');
const ofScan = reach(scan);
const ofBoth = new Set([...reach(copy)].filter((id) => ofScan.has(id)));

/**
 * One file for what both commands start with, one for what both a scan and a copy need, and one for all
 * else of each: reading what is not run is felt.
 */
const groups = [
  { name: 'start', tags: ['$initial'], minShareCount: 2, priority: 3 },
  { name: 'both', test: (id) => ofBoth.has(id), priority: 2 },
  { name: 'scan', test: (id) => id === scan, priority: 1 },
];

/** What a module finds beside itself (threads, package.json) still lies beside the compiled module. */
const keepPlaces = {
  name: 'keep-places',
  transform: {
    filter: { code: 'import.meta' },
    handler(code, id) {
      if (/import\.meta(?!\.url\b)/.test(code))
        throw new Error(`${id}: only import.meta.url is known`);
      const place = path.relative(folder, id).split(path.sep).join('/');
      return code.replaceAll('import.meta.url', `new URL('${place}', import.meta.url)`);
    },
  },
};

rmSync(folder, { recursive: true, force: true });
const bundle = await rolldown({
  input: Object.fromEntries(
    Object.entries(entries).map(([name, file]) => [name, path.join(dist, file)]),
  ),
  external: /^[^./]/,
  platform: 'node',
  plugins: [keepPlaces],
  onLog(level, { message }) {
    throw new Error(`${level}: ${message}`);
  },
});
await bundle.write({
  dir: folder,
  format: 'cjs',
  // Without hashes of the content: every file lies in a package of one version.
  entryFileNames: '[name].js',
  chunkFileNames: '[name].js',
  comments: false,
  codeSplitting: { groups },
});
await bundle.close();
// The package says that its files are ES modules.
writeFileSync(path.join(folder, 'package.json'), '{ "type": "commonjs" }\n');
for (const name of Object.keys(entries)) chmodSync(path.join(folder, `${name}.js`), 0o755);
