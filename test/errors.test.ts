/**
 * docs/errors.md lists every kind of error, and no other. What a filesystem's reader throws ends no run: it
 * becomes a finding, and test/findings.test.ts looks for it there.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

import { EXIT, exitCodeOf } from '../src/cli/exit-codes.ts';
import * as errors from '../src/errors/errors.ts';
import { collectErrorKinds } from './support/error-kinds.ts';

/** Stands in the document for any name that the system or Node gives an error. */
const SYSTEM_NAME = 'ERRNO';

/** What the kinds are that stand somewhere else than the error. */
const ELSEWHERE: Readonly<Record<string, readonly string[]>> = {
  'src/bmap/parse-bmap.ts fault.kind': listKindProperties('src/bmap/bmap.ts'),
  'src/image/foreign-formats.ts found.kind': listKindProperties('src/image/foreign-formats.ts'),
  'src/copy/source/input/http-input.ts STATUS_KINDS.get(status)': ['forbidden', 'not-found'],
  'src/copy/source/input/ftp-input.ts `ftp-${code}`': ['ftp-NNN'],
  'src/copy/source/input/ftp-input.ts code': [SYSTEM_NAME],
  'src/copy/source/input/http-client.ts code': [SYSTEM_NAME],
  'src/errors/errors.ts code': [SYSTEM_NAME],
  'src/cli/program.ts error.code': ['commander.NAME'],
  // The error of before once more, with a better text.
  'src/copy/copy-image.ts error.kind': [],
  'src/copy/source/spool-image.ts kind': [],
  'src/copy/target/block-device-target.ts kind': [],
  'src/copy/target/write-target.ts kind': [],
  'src/copy/verify-target.ts kind': [],
  'src/cli/actions/copy.ts error.kind': [],
};

/** The values of all properties `kind`, for files in which these are kinds of errors and nothing else. */
function listKindProperties(file: string): readonly string[] {
  const matches = readFileSync(file, 'utf8').matchAll(/\bkind: '([^']+)'/g);
  return [...matches].map((match) => match[1]!);
}

function codeOf(family: string): string {
  return `BMAP_${family.replace('Error', '').toUpperCase()}`;
}

const { known, unknown } = collectErrorKinds(['src', 'native', 'wasm']);

function listKindsInSources(): ReadonlySet<string> {
  const written = known
    .filter(({ file }) => !file.startsWith('src/fs-probes/'))
    .map(({ family, kind }) => ({ family, kind: /^E[A-Z0-9]+$/.test(kind) ? SYSTEM_NAME : kind }));
  const looked = unknown.flatMap(({ file, family, expression }) =>
    (ELSEWHERE[`${file} ${expression}`] ?? []).map((kind) => ({ family, kind })),
  );
  const all = [...written, ...looked, { family: 'TargetsError', kind: 'targets' }];
  return new Set(all.map(({ family, kind }) => `${codeOf(family)} ${kind}`));
}

/** A section of the document. */
interface Section {
  readonly code: string;
  readonly exitCodes: string;
  readonly kinds: readonly string[];
}

function readSections(): readonly Section[] {
  const [, ...sections] = readFileSync('docs/errors.md', 'utf8').split(/^## /m);
  return sections.map((text) => {
    const [, code = '', exitCodes = ''] = /^`([A-Z_]+)`, exit code (.+)$/m.exec(text) ?? [];
    const rows = text.matchAll(/^\| `(.+?)` +\|/gm);
    return { code, exitCodes, kinds: [...rows].map((match) => match[1]!) };
  });
}

it('the table of exit codes is complete, and has nothing else', () => {
  const rows = readFileSync('docs/exit-codes.md', 'utf8').matchAll(/^\| (\d+) +\|/gm);
  expect([...rows].map((match) => Number(match[1]))).toEqual(Object.values(EXIT));
});

describe('the table of errors', () => {
  it('knows all kinds that are not written where the error is made', () => {
    const expressions = unknown.map(({ file, expression }) => `${file} ${expression}`);
    expect([...new Set(expressions)].toSorted()).toEqual(Object.keys(ELSEWHERE).toSorted());
  });

  it('is complete, and has nothing else', () => {
    const documented = readSections().flatMap(({ code, kinds }) =>
      kinds.map((kind) => `${code} ${kind}`),
    );
    const expected = [...listKindsInSources()].toSorted();
    expect(documented.toSorted(), 'the rows of docs/errors.md').toEqual(expected);
  });

  it.each([
    new errors.UsageError('kind', 'text'),
    new errors.CorruptError('kind', { structure: 'structure' }, 'text'),
    new errors.UnsupportedError('kind', { structure: 'structure' }, 'text'),
    new errors.MismatchError('kind', 'text'),
    new errors.RefusedError('kind', 'text'),
    new errors.SystemError('kind', undefined, 'text'),
    new errors.TargetsError(2, []),
    new errors.InterruptedError('kind', 'text'),
  ])('tells the exit code of $name', (error) => {
    const section = readSections().find(({ code }) => code === error.code);
    expect(section?.exitCodes.split(/, | or /)).toContain(String(exitCodeOf(error)));
  });
});
