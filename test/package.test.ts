/** The package as npm makes it: what is in it, and whether it works where nothing else is. */
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

import { makeDemoImage } from './support/demo-image.ts';
import { itWith, requireRegistry } from './support/requirements.ts';
import { run, runBmap } from './support/run.ts';
import { makeScratchFolder } from './support/scratch.ts';

interface PackageManifest {
  readonly version: string;
  readonly man?: string | readonly string[];
}

const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as PackageManifest;

/** `--ignore-scripts`, since packing would build, and other tests run what is built. */
const PACK = ['pack', '--ignore-scripts', '--json'];

function listPackedFiles(): readonly string[] {
  const [packed] = JSON.parse(run('npm', [...PACK, '--dry-run'])) as [
    { files: readonly { readonly path: string }[] },
  ];
  return packed.files.map((file) => file.path);
}

/** What `tsc` makes of every source that is neither a test nor the command line: a script and its types. */
function listCompiledFiles(): readonly string[] {
  return ['src', 'native', 'wasm'].flatMap((root) =>
    readdirSync(root, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !/\.(?:test|d)\.ts$/.test(name))
      .map((name) => path.join('dist', root, name.slice(0, -'.ts'.length)))
      .filter((stem) => !stem.startsWith('dist/src/cli/'))
      .flatMap((stem) => [`${stem}.js`, `${stem}.d.ts`]),
  );
}

/** The command line is packed in few files instead, so that it starts fast. */
function listBundledFiles(): readonly string[] {
  return readdirSync('dist/bin').map((name) => path.join('dist/bin', name));
}

/** Installs the package, without running scripts, into a folder that holds nothing else. */
function installPackage(): string {
  const folder = makeScratchFolder();
  const [packed] = JSON.parse(run('npm', [...PACK, '--pack-destination', folder])) as [
    { filename: string },
  ];
  const home = path.join(folder, 'home');
  mkdirSync(home);
  // Without one npm would install into the next folder above that has one.
  writeFileSync(path.join(home, 'package.json'), '{}');
  const tarball = path.join(folder, packed.filename);
  run(
    'npm',
    ['install', '--ignore-scripts', '--omit=dev', '--prefer-offline', '--no-audit', tarball],
    { cwd: home },
  );
  return home;
}

describe('the packed files', () => {
  const files = listPackedFiles();

  it('are the texts, the manual, the commands, and a script with types for each module of the library', () => {
    const pages = [manifest.man ?? []].flat().map((page) => path.normalize(page));
    const texts = ['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json'];
    const scripts = [...listBundledFiles(), ...listCompiledFiles()];
    expect(files.toSorted()).toEqual([...texts, ...pages, ...scripts].toSorted());
  });

  it('point to no source map, and to no folder of the machine that built them', () => {
    const pointing = files.filter((file) => {
      const text = readFileSync(file, 'utf8');
      return text.includes('sourceMappingURL') || text.includes(process.cwd());
    });
    expect(pointing).toEqual([]);
  });
});

describe('the installed package', () => {
  const registry = requireRegistry();

  itWith(registry, 'maps an image as the tree does, as a command and as a library', () => {
    const home = installPackage();
    const image = makeDemoImage();
    const expected = runBmap(['scan', '--quiet', '--bmap', image]).stdout;
    expect(expected).toContain('</bmap>');

    const bin = path.join(home, 'node_modules/.bin');
    const bmap = path.join(bin, 'bmap');
    expect(run(bmap, ['--version'], { cwd: home })).toBe(`${manifest.version}\n`);
    expect(run(bmap, ['scan', '--quiet', '--bmap', image], { cwd: home })).toBe(expected);

    writeFileSync(
      path.join(home, 'map.mjs'),
      `import { formatBmap, mapImage } from 'bmap-cli';
const { bmap } = await mapImage(process.argv[2]);
process.stdout.write(formatBmap(bmap));
`,
    );
    expect(run(process.execPath, ['map.mjs', image], { cwd: home })).toBe(expected);

    const bmaptool = path.join(bin, 'bmaptool');
    expect(run(bmaptool, ['--version'], { cwd: home })).toContain(`bmap-cli ${manifest.version}`);
    // The holes of a file are asked for through koffi, whose install script did not run.
    const created = run(process.execPath, ['dist/bin/bmaptool.js', 'create', image]);
    expect(run(bmaptool, ['create', image], { cwd: home })).toBe(created);
  });

  itWith(registry, 'has types that a strict program compiles with', () => {
    const home = installPackage();
    mkdirSync(path.join(home, 'node_modules/@types'));
    for (const types of ['@types/node', 'undici-types']) {
      symlinkSync(path.resolve('node_modules', types), path.join(home, 'node_modules', types));
    }
    writeFileSync(path.join(home, 'package.json'), '{ "type": "module" }');
    writeFileSync(
      path.join(home, 'consumer.ts'),
      `import { formatBmap, mapImage, RefusedError, type Bmap, type ScanReport } from 'bmap-cli';

export async function leftOut(image: string): Promise<number> {
  const { report, bmap }: { report: ScanReport; bmap: Bmap } = await mapImage(image);
  const xml: Uint8Array = formatBmap(bmap);
  return report.imageBytes - xml.length;
}

export function isRefusal(error: unknown): error is RefusedError {
  return error instanceof RefusedError;
}

// @ts-expect-error A path is text. Where the types are lost, this line is the one that fails.
void mapImage(1);
`,
    );
    const options = ['--strict', '--noEmit', '--module', 'nodenext', '--target', 'es2023'];
    const compiler = path.resolve('node_modules/.bin/tsc');
    expect(run(compiler, [...options, '--types', 'node', 'consumer.ts'], { cwd: home })).toBe('');
  });
});
