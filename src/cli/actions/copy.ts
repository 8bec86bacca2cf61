import type { CopyOptions } from '../../copy/copy-options.ts';
import { ReaderSource } from '../../copy/source/reader-source.ts';
import { UsageError } from '../../errors/errors.ts';
import type { FileReader } from '../../image/file-reader.ts';
import type { CopyCliOptions } from '../commands/copy.ts';
import { EXIT } from '../exit-codes.ts';
import { ProgressBar } from '../terminal/progress-bar.ts';
import type { Action, CommandContext } from '../program.ts';
import { runCopy, type CopyProgress, type RunCopyOptions } from '../copy/run-copy.ts';
import type { Terminal } from '../terminal/terminal.ts';

export const runCopyCommand: Action<CopyCliOptions> = async (
  context,
  [image = '', target = ''],
  options,
) => {
  const { also, yes, scan, ...rest } = options;
  const { terminal, signal } = context;
  const progress = new BarProgress(terminal);
  await runOwnCopy(
    context,
    {
      ...rest,
      image,
      targets: [target, ...also],
      confirm:
        yes === true
          ? undefined
          : async (facts) => {
              const { confirmTarget } = await import('../copy/confirm-target.ts');
              progress.clear();
              return confirmTarget(facts, terminal, signal);
            },
    },
    scan === true,
    progress,
  );
  return EXIT.ok;
};

/** With what only this command offers: a scan in place of a map. */
async function runOwnCopy(
  context: CommandContext,
  options: RunCopyOptions,
  isScanned: boolean,
  progress: CopyProgress,
): Promise<void> {
  let reader: FileReader | undefined;
  const scan: CopyOptions['scan'] = async () => {
    const { image, member, verify } = options;
    const withChecksums = verify !== false;
    const { scanForCopy } = await import('../copy/scan-for-copy.ts');
    const mapped = await scanForCopy(image, context, { member, withChecksums });
    reader = mapped.reader;
    return { source: new ReaderSource(reader), bmap: mapped.bmap };
  };
  try {
    await runCopy(context, isScanned ? { ...options, scan } : options, progress);
  } catch (error) {
    throw options.bmapSig === undefined ? nameScan(error) : error;
  } finally {
    reader?.close();
  }
}

/** There is a better way than --nobmap where the map is missing. */
function nameScan(error: unknown): unknown {
  if (!(error instanceof UsageError) || error.kind !== 'no-map') return error;
  const text = `${error.message}, or --scan to find out what is used and flash that`;
  const named = new UsageError(error.kind, text, { cause: error });
  if (error.targetState !== undefined) named.targetState = error.targetState;
  return named;
}

/** The phases of a copy, each as a bar of its own. */
class BarProgress implements CopyProgress {
  readonly #terminal: Terminal;
  #phase: string | undefined;
  #bar: ProgressBar | undefined;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  update(phase: string, bytesDone: number, bytesTotal: number | undefined): void {
    if (this.#phase !== phase || this.#bar === undefined) {
      this.#bar = new ProgressBar(this.#terminal, phase);
      this.#phase = phase;
    }
    // Where nobody knows the size, the bar is always full and only the numbers tell.
    this.#bar.update(bytesDone, bytesTotal ?? bytesDone);
  }

  clear(): void {
    this.#bar?.finish();
  }
}
