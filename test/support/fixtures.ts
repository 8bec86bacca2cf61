import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';

const FOLDER = path.resolve(import.meta.dirname, '../../test-images/fixtures');

/** What is known of a fixture from outside of this program. */
export interface FixtureFacts {
  readonly size: number;
  readonly sha256: string;
  /** Path, then type, mode, size and the start of the SHA-256, as mounted after recovery. */
  readonly manifest_after_recovery: Readonly<Record<string, string>>;
  /** Bytes that must be mapped: start and end of each range. */
  readonly reference_used: readonly (readonly [number, number])[];
}

/** The bytes of an image taken at a power cut. Needs `xz`. */
export function readFixture(name: string): Uint8Array<ArrayBuffer> {
  const file = path.join(FOLDER, `${name}.img.xz`);
  const { stdout, status } = spawnSync('xz', ['--decompress', '--stdout', file], {
    maxBuffer: 1024 * 1024 * 1024,
  });
  if (status !== 0) throw new Error(`xz cannot read ${file}`);
  return new Uint8Array(stdout);
}

export function readFixtureFacts(name: string): FixtureFacts {
  return JSON.parse(readFileSync(path.join(FOLDER, `${name}.json`), 'utf8')) as FixtureFacts;
}

/** The lines of the manifest for the files in it, as they are in the mounted `folder`. */
export function manifestOf(folder: string, facts: FixtureFacts): Readonly<Record<string, string>> {
  const names = Object.keys(facts.manifest_after_recovery);
  return Object.fromEntries(names.map((name) => [name, manifestLine(path.join(folder, name))]));
}

function manifestLine(file: string): string {
  try {
    const stats = statSync(file);
    const mode = stats.mode.toString(8);
    if (stats.isDirectory()) return `D ${mode}`;
    const digest = createHash('sha256').update(readFileSync(file)).digest('hex');
    return `F ${mode} ${stats.size} ${digest.slice(0, 16)}`;
  } catch (error) {
    // What was half deleted when the power went cannot be read before it is repaired.
    const { errno } = error as { errno?: number };
    if (errno === undefined) throw error;
    return `ERR ${-errno}`;
  }
}
