import { spawnSync } from 'node:child_process';

export interface RunResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

const PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;

export interface RunOptions {
  readonly input?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** Runs a program to its end, whatever it returns. @throws {Error} if it cannot be started. */
export function tryRun(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): RunResult {
  const result = spawnSync(program, args, {
    env: { ...process.env, LC_ALL: 'C', PATH, ...options.env },
    cwd: options.cwd,
    input: options.input,
    encoding: 'utf8',
    maxBuffer: 512 * 1024 * 1024,
  });
  if (result.error !== undefined) throw result.error;
  return { status: result.status ?? 128, stdout: result.stdout, stderr: result.stderr };
}

/** Runs a program that must succeed and returns its standard output. */
export function run(program: string, args: readonly string[], options: RunOptions = {}): string {
  const { status, stdout, stderr } = tryRun(program, args, options);
  if (status === 0) return stdout;
  throw new Error(`${program} ${args.join(' ')}: exit ${status}\n${stdout}\n${stderr}`);
}

/** Starts the program as it ships. */
export function runBmap(args: readonly string[], options: RunOptions = {}): RunResult {
  return tryRun(process.execPath, ['dist/bin/bmap.js', ...args], options);
}
