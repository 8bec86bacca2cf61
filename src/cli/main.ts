#!/usr/bin/env node
/** Starts the program: signals in, exit code out, and every failure as one readable line. */
import { EXIT, exitCodeOf } from './exit-codes.ts';
import { runProgram } from './program.ts';
import { renderError } from './render-error.ts';

const SIGNAL_CODES = { SIGINT: EXIT.interrupted, SIGTERM: EXIT.terminated } as const;

const interruption = new AbortController();
for (const [signal, exitCode] of Object.entries(SIGNAL_CODES)) {
  process.once(signal, () => {
    process.exitCode = exitCode;
    interruption.abort();
  });
}
// A reader that has seen enough, such as `head`, is no failure to talk about.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(EXIT.system);
});

try {
  process.exitCode = await runProgram(process.argv.slice(2), interruption.signal);
} catch (error) {
  if (interruption.signal.aborted) {
    process.stderr.write('interrupted\n');
  } else {
    process.stderr.write(`${renderError(error)}\n`);
    process.exitCode = exitCodeOf(error);
  }
}
