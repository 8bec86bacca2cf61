/** Runs commands and measures them: wall time, processor time of all their threads, peak memory. */
import { spawnSync } from 'node:child_process';

/** @returns seconds, and MiB. @throws if the command fails. */
export function measure([command, ...args]) {
  const started = performance.now();
  const result = spawnSync('/usr/bin/time', ['-q', '-f', '\n%U %S %M', command, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const wall = (performance.now() - started) / 1000;
  if (result.error !== undefined) throw result.error;
  if (result.status !== 0) throw new Error(`${command} ${args.join(' ')}\n${result.stderr}`);
  const [user, system, kib] = result.stderr.trimEnd().split('\n').at(-1).split(' ').map(Number);
  return { wall, cpu: user + system, peakMib: kib / 1024 };
}

/** The run in the middle by wall time, with the highest of all peaks. */
function median(runs) {
  const sorted = runs.toSorted((a, b) => a.wall - b.wall);
  const { wall, cpu } = sorted[Math.floor(sorted.length / 2)];
  return { wall, cpu, peakMib: Math.max(...runs.map(({ peakMib }) => peakMib)) };
}

/**
 * Runs all commands in turn, `rounds` times over, so that a disturbance of the machine hits all of them.
 * @returns the median of each, in order.
 */
export function measureInTurn(commands, rounds) {
  const runs = commands.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, { prepare, command }] of commands.entries()) {
      prepare?.();
      runs[index].push(measure(command));
    }
  }
  return runs.map(median);
}
