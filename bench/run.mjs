/** Runs a program to its end. */
import { spawnSync } from 'node:child_process';

const MAX_OUTPUT_BYTES = 1024 ** 3;

/** @returns what it printed. @throws if it fails. */
export function run(command, args, options = {}) {
  const settings = { encoding: 'utf8', maxBuffer: MAX_OUTPUT_BYTES, ...options };
  const result = spawnSync(command, args, settings);
  if (result.error !== undefined) throw result.error;
  if (result.status !== 0) throw new Error(`${command}: exit ${result.status}\n${result.stderr}`);
  return result;
}
