import { createRequire } from 'node:module';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';

import { itWith, type Requirement } from '../test/support/requirements.ts';
import { makeScratchFolder } from '../test/support/scratch.ts';
import { loadLzma } from './lzma-library.ts';

/** What the machine has; every Debian has it, since dpkg needs it. */
const SYSTEM = ['liblzma.so.5'];

const requirePackage = (): Requirement => {
  try {
    createRequire(import.meta.url).resolve('node-liblzma');
    return [];
  } catch {
    return ['node-liblzma: npm install --no-save --ignore-scripts node-liblzma@4.0.2'];
  }
};

it("takes the system's library where there is no other", () => {
  const library = loadLzma({ system: SYSTEM, packaged: () => undefined });
  expect(library?.name).toBe('liblzma.so.5');
  expect(library?.version).toMatch(/^5\.\d+\.\d+/);
});

it("takes the package's where the system has none, or an old one", () => {
  const packaged = () => 'liblzma.so.5';
  expect(loadLzma({ system: ['no-such-library.so'], packaged })?.name).toBe('node-liblzma');
  // libc is no liblzma, and so never new enough.
  expect(loadLzma({ system: ['libc.so.6'], packaged })?.name).toBe('node-liblzma');
  const minor = Number(
    loadLzma({ system: SYSTEM, packaged: () => undefined })!.version.split('.')[1],
  );
  const expected = minor >= 8 ? 'liblzma.so.5' : 'node-liblzma';
  expect(loadLzma({ system: SYSTEM, packaged })?.name).toBe(expected);
});

it("takes the system's where the package has nothing for this machine", () => {
  const noLibrary = path.join(makeScratchFolder(), 'node-liblzma.node');
  expect(loadLzma({ system: SYSTEM, packaged: () => noLibrary })?.name).toBe('liblzma.so.5');
  writeFileSync(noLibrary, 'for another processor');
  expect(loadLzma({ system: SYSTEM, packaged: () => noLibrary })?.name).toBe('liblzma.so.5');
});

it('has none where neither is there', () => {
  expect(loadLzma({ system: ['no-such-library.so'], packaged: () => undefined })).toBeUndefined();
});

itWith(requirePackage(), 'finds the package that is installed', () => {
  const minor = Number(
    loadLzma({ system: SYSTEM, packaged: () => undefined })!.version.split('.')[1],
  );
  if (minor < 8) expect(loadLzma()).toMatchObject({ name: 'node-liblzma', version: '5.8.2' });
  else expect(loadLzma()?.name).toBe('liblzma.so.5');
});
