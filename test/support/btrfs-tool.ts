import { tryRun, type RunResult } from './run.ts';

/** Other tests come and go all the time, but not within each of so many scans. */
const MOST_TRIES = 10;

/**
 * Runs `btrfs`, again if it did not find all devices: for a filesystem of several it reads every block
 * device of the machine, and misses some if others are attached or detached meanwhile.
 */
export function tryBtrfs(args: readonly string[]): RunResult {
  for (let tries = 1; ; tries++) {
    const result = tryRun('btrfs', args);
    const isDisturbed = /cannot scan \/dev\/|device \d+ is missing/.test(
      result.stdout + result.stderr,
    );
    if (tries === MOST_TRIES || result.status === 0 || !isDisturbed) return result;
  }
}

/** As `tryBtrfs`, for what must succeed. Returns standard output. */
export function runBtrfs(args: readonly string[]): string {
  const { status, stdout, stderr } = tryBtrfs(args);
  if (status !== 0)
    throw new Error(`btrfs ${args.join(' ')}: exit ${status}\n${stdout}\n${stderr}`);
  return stdout;
}
