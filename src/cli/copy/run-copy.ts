/** A copy as a command line runs it: events become lines, progress a bar, signals a clean end. */
import type { CopyEvent } from '../../copy/copy-events.ts';
import { copyImage } from '../../copy/copy-image.ts';
import type { CopyOptions } from '../../copy/copy-options.ts';
import { formatCopyEvent, formatCopyTime } from './copy-messages.ts';
import type { CommandContext } from '../program.ts';
import { PsplashPipe } from './psplash-pipe.ts';
import { renderError } from '../render-error.ts';
import { cleanUpAtExit } from '../signals.ts';

export interface RunCopyOptions extends CopyOptions {
  readonly psplashPipe?: string | undefined;
}

/** Draws how far a copy is. */
export interface CopyProgress {
  update(phase: 'copying' | 'verifying', bytesDone: number, bytesTotal: number | undefined): void;
  /** Makes room for a line of text. */
  clear(): void;
}

/** @throws what `copyImage` throws. */
export async function runCopy(
  { terminal, signal }: CommandContext,
  options: RunCopyOptions,
  progress: CopyProgress,
): Promise<void> {
  const { psplashPipe, ...copyOptions } = options;
  const splash = psplashPipe === undefined ? undefined : PsplashPipe.open(psplashPipe);
  if (psplashPipe !== undefined && splash === undefined) {
    terminal.warning(`'${psplashPipe}' is not a pipe, so psplash progress will not be updated`);
  }
  const onEvent = (event: CopyEvent): void => {
    if (event.kind === 'progress') {
      const { phase, bytesDone, bytesTotal } = event;
      progress.update(phase, bytesDone, bytesTotal);
      if (phase === 'copying' && bytesTotal !== undefined) splash?.update(bytesDone, bytesTotal);
      return;
    }
    progress.clear();
    if (event.kind === 'finding') terminal.finding(event.finding);
    else if (event.kind === 'debug') terminal.debug(event.text);
    else if (event.kind === 'target-failed') terminal.error(renderError(event.error));
    else for (const line of formatCopyEvent(event)) terminal.info(line);
  };
  try {
    const report = await copyImage({
      ...copyOptions,

      onEvent,
      signal,
      stdin: process.stdin,
      env: process.env,
      onCleanup: cleanUpAtExit,
    });
    progress.clear();
    if (options.dryRun === true) {
      const targets = options.targets.join(', ');
      terminal.info(`dry run: all checks passed; nothing was written to ${targets}`);
    } else {
      terminal.info(formatCopyTime(report));
    }
  } finally {
    progress.clear();
    splash?.close();
  }
}
