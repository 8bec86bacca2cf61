import { tryRun, type RunResult } from './run.ts';

/** Other tests come and go all the time, but not within each of so many scans. */
const MOST_TRIES = 10;

/**
 * Runs `btrfs`, again if it fell over a loop device of someone else: for a filesystem of several devices
 * it reads every block device of the machine, and gives up if one is detached meanwhile.
 */
export function tryBtrfs(args: readonly string[]): RunResult {
  for (let tries = 1; ; tries++) {
    const result = tryRun('btrfs', args);
    if (tries === MOST_TRIES || !result.stderr.includes('cannot scan /dev/')) return result;
  }
}

/** As `tryBtrfs`, for what must succeed. Returns standard output. */
export function runBtrfs(args: readonly string[]): string {
  const { status, stdout, stderr } = tryBtrfs(args);
  if (status !== 0)
    throw new Error(`btrfs ${args.join(' ')}: exit ${status}\n${stdout}\n${stderr}`);
  return stdout;
}
