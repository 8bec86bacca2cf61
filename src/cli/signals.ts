/**
 * What ends the program from outside. The first signal asks the work to stop and to tidy up; the second
 * one ends the program where it stands, after what must not stay behind has been put back.
 */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** @returns a signal that is aborted when the program is asked to end; then its exit code is set. */
export function watchSignals(
  exitCodes: Readonly<Record<(typeof SIGNALS)[number], number>>,
): AbortSignal {
  const interruption = new AbortController();
  for (const name of SIGNALS) {
    process.on(name, () => {
      process.exitCode = exitCodes[name];
      if (interruption.signal.aborted) process.exit();
      interruption.abort();
    });
  }
  return interruption.signal;
}

/** Has `cleanup` run if the process ends before the returned function is called. */
export function cleanUpAtExit(cleanup: () => void): () => void {
  process.on('exit', cleanup);
  return () => {
    process.off('exit', cleanup);
  };
}
