import { tryRun, type RunResult } from './run.ts';

/** Other tests come and go, and some keep a device that cannot be read for seconds. */
const PATIENCE_MS = 60_000;
const PAUSE_MS = 250;

/**
 * Runs `btrfs`, again if it did not find all devices: for a filesystem of several it reads every block
 * device of the machine, and misses some if others are attached, detached or unreadable meanwhile.
 */
export function tryBtrfs(args: readonly string[]): RunResult {
  const startedMs = performance.now();
  for (;;) {
    const result = tryRun('btrfs', args);
    const isDisturbed = /cannot scan \/dev\/|device \d+ is missing/.test(
      result.stdout + result.stderr,
    );
    const isPatient = performance.now() - startedMs < PATIENCE_MS;
    if (result.status === 0 || !isDisturbed || !isPatient) return result;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
  }
}

/** As `tryBtrfs`, for what must succeed. Returns standard output. */
export function runBtrfs(args: readonly string[]): string {
  const { status, stdout, stderr } = tryBtrfs(args);
  if (status !== 0)
    throw new Error(`btrfs ${args.join(' ')}: exit ${status}\n${stdout}\n${stderr}`);
  return stdout;
}
