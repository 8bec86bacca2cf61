import { readFileSync } from 'node:fs';

import { requireRegistry, requireTools, type Requirement } from './requirements.ts';
import { run } from './run.ts';

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };

/** The name of the archive's only folder. */
export const RELEASE = `bmap-${version}-${process.platform}-${process.arch}`;

/** For building it. */
export function requireStandalone(): Requirement {
  return [...requireTools('gzip', 'tar'), ...requireRegistry()];
}

/** Makes the self-contained build of what is compiled, and returns the archive's path. */
export function buildStandalone(folder: string): string {
  return run(process.execPath, ['packaging/build-standalone.mjs', folder]).trim();
}
