import { copyFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';

import { run, tryRun, type RunResult } from './run.ts';

/** The least a Linux system has: a shell and a program that follows links. No Node, no /proc, no PATH. */
const PROGRAMS = ['/bin/sh', '/usr/bin/readlink'];

/** Fills a folder to be the root of `runInRoot`, with the libraries that these programs need as well. */
export function makeBareRoot(root: string, programs: readonly string[]): void {
  for (const program of PROGRAMS)
    copyInto(root, program, path.join('/bin', path.basename(program)));
  const libraries = [...PROGRAMS, ...programs].flatMap((program) => [
    ...run('ldd', [program]).matchAll(/(?:=> |\t)(\/\S+)/g),
  ]);
  for (const [, library = ''] of libraries) copyInto(root, library, library);
}

/** Runs a program of that root with an empty environment. Root rights. */
export function runInRoot(root: string, command: readonly string[]): RunResult {
  return tryRun('env', ['-i', '/usr/sbin/chroot', root, ...command]);
}

function copyInto(root: string, source: string, target: string): void {
  const copy = path.join(root, target);
  mkdirSync(path.dirname(copy), { recursive: true });
  copyFileSync(source, copy);
}
