import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { requireTools, type Requirement } from './requirements.ts';
import { run } from './run.ts';
import { makeScratchFolder } from './scratch.ts';

/** The usual program for a format, as users run it. */
export interface Packer {
  readonly ending: string;
  readonly program: string;
  readonly args: readonly string[];
}

export const PACKERS: readonly Packer[] = [
  { ending: 'gz', program: 'gzip', args: ['-c'] },
  { ending: 'bz2', program: 'bzip2', args: ['-c'] },
  { ending: 'xz', program: 'xz', args: ['-c', '-T1'] },
  { ending: 'zst', program: 'zstd', args: ['-cq'] },
  { ending: 'lz4', program: 'lz4', args: ['-cq'] },
  { ending: 'lzo', program: 'lzop', args: ['-c'] },
];

export const ALL_PACKERS: Requirement = requireTools(
  ...PACKERS.map(({ program }) => program),
  'tar',
  'zip',
);

/** What the program makes of the bytes. */
export function pack({ program, args }: Packer, bytes: Uint8Array): Buffer {
  const { status, stdout, stderr } = spawnSync(program, args, {
    input: bytes,
    maxBuffer: 2 ** 30,
    // lzop writes a name and times of the file into the header, of which standard input has none.
    env: { ...process.env, LC_ALL: 'C' },
  });
  if (status === 0) return stdout;
  throw new Error(`${program}: exit ${status}\n${stderr.toString()}`);
}

/** Files in a folder of their own, for archives of them. */
export function makeFiles(files: Readonly<Record<string, Uint8Array | string>>): string {
  const folder = makeScratchFolder();
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, content);
  }
  return folder;
}

/** Packs the named files of a folder; the archive lies elsewhere. @returns its path. */
export function makeTar(
  folder: string,
  names: readonly string[],
  options: readonly string[] = [],
): string {
  const file = path.join(makeScratchFolder(), 'packed.tar');
  run('tar', [...options, '-cf', file, '-C', folder, ...names]);
  return file;
}

export function makeZip(
  folder: string,
  names: readonly string[],
  options: readonly string[] = [],
): string {
  const file = path.join(makeScratchFolder(), 'packed.zip');
  run('zip', ['-q', '-X', ...options, file, ...names], { cwd: folder });
  return file;
}
