/** Who may import whom. The table of ARCHITECTURE.md, kept by a machine. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

/** `errors` may be imported by everyone, a folder by itself; tests are free. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'src/errors': [],
  'src/bytes': [],
  'src/ranges': [],
  'src/host': ['src/ranges'],
  'src/image': ['src/ranges', 'src/bytes'],
  'src/partition': ['src/bytes', 'src/ranges', 'src/image'],
  'src/fs-probes': ['src/bytes', 'src/ranges', 'src/image'],
  'src/bmap': ['src/bytes', 'src/ranges', 'src/image'],
  'src/scan': [
    'src/bytes',
    'src/ranges',
    'src/image',
    'src/partition',
    'src/fs-probes',
    'src/host',
    'wasm',
  ],
  // Types of what a scan found, and its words for sizes.
  'src/inspect': ['src/ranges', 'src/fs-probes', 'src/scan', 'src/bmap'],
  // The GPT is read to move its backup to the end of the device that was written.
  'src/copy': ['src/bmap', 'src/ranges', 'src/image', 'src/partition', 'src/host', 'native'],
  'src/sparsify': ['src/bmap', 'src/scan', 'src/ranges', 'src/image', 'src/host', 'native'],
  // Names every byte that is left out, so it knows the words of all who speak for it.
  'src/check': [
    'src/bmap',
    'src/scan',
    'src/fs-probes',
    'src/ranges',
    'src/image',
    'src/bytes',
    'src/host',
    'native',
  ],
  native: [],
  wasm: ['src/image', 'src/ranges'],
};

/** These see everything: the command line, and the front of the library. */
const FREE = ['src/cli', 'src/index.ts'];

/** Words that only one place may use. */
const ONLY_IN: readonly { readonly pattern: RegExp; readonly places: readonly string[] }[] = [
  { pattern: /from 'koffi'|import\('koffi'\)/, places: ['native/libc.ts'] },
  { pattern: /\bconsole\.|\bprocess\.(?:std|exit|argv)/, places: ['src/cli'] },
  { pattern: /from 'commander'/, places: ['src/cli'] },
  { pattern: /'\/proc|'\/sys/, places: ['src/host', 'native', 'src/cli/actions/create.ts'] },
];

interface SourceFile {
  readonly path: string;
  readonly text: string;
}

function listSources(): readonly SourceFile[] {
  return ['src', 'native', 'wasm'].flatMap((root) =>
    readdirSync(root, { recursive: true, encoding: 'utf8' })
      .filter(
        (name) => name.endsWith('.ts') && !name.endsWith('.test.ts') && !name.endsWith('.d.ts'),
      )
      .map((name) => path.join(root, name))
      .map((file) => ({ path: file, text: readFileSync(file, 'utf8') })),
  );
}

/** `src/scan` for `src/scan/agree.ts`, `native` for `native/libc.ts`. */
function folderOf(file: string): string {
  const parts = file.split('/');
  return parts[0] === 'src' && parts.length > 2
    ? `src/${parts[1]}`
    : parts.length > 2
      ? parts[0]!
      : path.dirname(file);
}

function isFree(file: string): boolean {
  return FREE.some((place) => file === place || file.startsWith(`${place}/`));
}

function importsOf(file: SourceFile): readonly string[] {
  const specifiers = [...file.text.matchAll(/(?:from|import\(|import)\s*'(\.[^']+)'/g)];
  return specifiers.map((match) => path.join(path.dirname(file.path), match[1]!));
}

describe('the import table', () => {
  const sources = listSources();

  it('sees the sources', () => {
    expect(sources.length).toBeGreaterThan(40);
  });

  it('is kept by every file', () => {
    const broken = sources
      .filter((source) => !isFree(source.path))
      .flatMap((source) => {
        const own = folderOf(source.path);
        const allowed = [own, 'src/errors', ...(MAY_IMPORT[own] ?? [])];
        return importsOf(source)
          .filter((target) => !allowed.includes(folderOf(target)))
          .map((target) => `${source.path} imports ${target}`);
      });
    expect(broken).toEqual([]);
  });

  it('keeps filesystems apart', () => {
    const root = 'src/fs-probes/';
    const broken = sources
      .filter((source) => source.path.startsWith(root) && source.path.split('/').length > 3)
      .flatMap((source) => {
        const own = source.path.split('/')[2];
        return importsOf(source)
          .filter((target) => target.startsWith(root) && target.split('/').length > 3)
          .filter((target) => target.split('/')[2] !== own)
          .map((target) => `${source.path} imports ${target}`);
      });
    expect(broken).toEqual([]);
  });

  it.each(ONLY_IN)('keeps $pattern in $places', ({ pattern, places }) => {
    const broken = sources
      .filter(({ text }) => pattern.test(text))
      .filter((source) => !places.some((place) => source.path.startsWith(place)));
    expect(broken.map((source) => source.path)).toEqual([]);
  });
});
