#!/usr/bin/env node
/** Starts the program under the name bmaptool: its surface, its messages, and only its exit codes. */
import { BmapError } from '../errors/errors.ts';
import { ArgumentError } from './bmaptool/parse-arguments.ts';
import { runBmaptool, VOICE } from './bmaptool/run-bmaptool.ts';
import { formatUsage } from './bmaptool/surface.ts';
import { escapeMessage } from './terminal/escape-text.ts';
import { describeTargetState, renderError } from './render-error.ts';
import { watchSignals } from './signals.ts';
import { sizeThreadPool } from './thread-pool.ts';

const EXIT = { ok: 0, failed: 1, usage: 2 } as const;

sizeThreadPool();
const signal = watchSignals({
  SIGINT: EXIT.failed,
  SIGTERM: EXIT.failed,
  SIGHUP: EXIT.failed,
});

// Until it is known better: if all promises are forgotten, Node ends, and that must not look like success.
process.exitCode = EXIT.failed;
// Not awaited at the top of the module, which CommonJS does not know.
void main();

async function main(): Promise<void> {
  try {
    await runBmaptool(process.argv.slice(2), signal);
    if (!signal.aborted) process.exitCode = EXIT.ok;
  } catch (error) {
    if (error instanceof ArgumentError) {
      const { spec, message } = error;
      const problem = escapeMessage(`${spec.program}: error: ${message}`);
      process.stderr.write(`${formatUsage(spec)}${problem}\n`);
      process.exitCode = EXIT.usage;
    } else {
      process.stderr.write(`${VOICE.error}${render(error)}\n\n`);
      process.exitCode = EXIT.failed;
    }
  }
}

function render(error: unknown): string {
  if (error instanceof BmapError) {
    return escapeMessage(`${error.message}${describeTargetState(error)}`);
  }
  return signal.aborted ? 'interrupted, exiting' : renderError(error);
}
