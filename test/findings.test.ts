/** docs/findings.md lists every finding, and no other. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';

const AREAS =
  /'((?:scan|verity|cross-check|copy|source|verify|partition|table|mbr|ebr|gpt|ext|fat|btrfs)\.[a-z0-9.-]+)'/g;

function listCodesInSources(): ReadonlySet<string> {
  const codes = ['src/scan', 'src/partition', 'src/fs-probes', 'src/copy', 'src/check']
    .flatMap((folder) =>
      readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) =>
        path.join(folder, name),
      ),
    )
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .map((file) => readFileSync(file, 'utf8'))
    .flatMap((text) => [...text.matchAll(AREAS)].map((match) => match[1]!));
  return new Set(codes);
}

it('the table of findings is complete and has nothing else', () => {
  const rows = readFileSync('docs/findings.md', 'utf8').matchAll(/^\| `([^`]+)` +\|/gm);
  const documented = [...rows].map((match) => match[1]!);
  expect(documented.toSorted()).toEqual([...listCodesInSources()].toSorted());
});
