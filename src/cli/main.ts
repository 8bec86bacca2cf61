#!/usr/bin/env node
/** Starts the program: signals in, exit code out, and every failure as one readable line. */
import { InterruptedError, TargetsError } from '../errors/errors.ts';
import { EXIT, exitCodeOf } from './exit-codes.ts';
import { runProgram } from './program.ts';
import { renderError } from './render-error.ts';
import { watchSignals } from './signals.ts';
import { sizeThreadPool } from './thread-pool.ts';

sizeThreadPool();
const signal = watchSignals({
  SIGINT: EXIT.interrupted,
  SIGTERM: EXIT.terminated,
  SIGHUP: EXIT.hungUp,
});
// A reader that has seen enough, such as `head`, is no failure to talk about.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(EXIT.system);
});

// Until it is known better: if all promises are forgotten, Node ends, and that must not look like success.
process.exitCode = EXIT.bug;
// Not awaited at the top of the module, which CommonJS does not know.
void main();

async function main(): Promise<void> {
  try {
    process.exitCode = await runProgram(process.argv.slice(2), signal);
  } catch (error) {
    const isExplained = error instanceof InterruptedError || error instanceof TargetsError;
    const text = signal.aborted && !isExplained ? 'interrupted' : renderError(error);
    process.stderr.write(`${text}\n`);
    if (!signal.aborted) process.exitCode = exitCodeOf(error);
  }
}
