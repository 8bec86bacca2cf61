import { InvalidArgumentError, Option } from 'commander';

import type { CopyOptions } from '../../copy/copy-options.ts';
import { ReaderSource } from '../../copy/source/reader-source.ts';
import type { UnmappedPolicy } from '../../copy/target/copy-target.ts';
import { UsageError } from '../../errors/errors.ts';
import type { FileReader } from '../../image/file-reader.ts';
import { confirmTarget } from '../confirm-target.ts';
import { EXIT } from '../exit-codes.ts';
import { ProgressBar } from '../progress-bar.ts';
import type { AddCommand, CommandContext } from '../program.ts';
import { runCopy, type CopyProgress, type RunCopyOptions } from '../run-copy.ts';
import { scanForCopy } from '../scan-for-copy.ts';
import type { Terminal } from '../terminal.ts';

interface CopyCliOptions {
  readonly bmap?: string;
  readonly nobmap?: boolean;
  readonly scan?: boolean;
  readonly bmapSig?: string;
  readonly sigVerify: boolean;
  readonly keyring?: string;
  readonly fingerprint?: string;
  readonly verify: boolean;
  readonly psplashPipe?: string;
  readonly removableDevice?: boolean;
  readonly member?: string;
  readonly also: readonly string[];
  readonly unmapped: UnmappedPolicy;
  readonly zeroOffload?: boolean;
  readonly allowSmaller?: boolean;
  readonly fixGpt?: boolean;
  readonly verifyTarget?: boolean;
  readonly retries: number;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

const EXAMPLES = `
Examples:
  bmap copy distro.img.xz /dev/sdX                 write what distro.img.bmap maps to a card
  bmap copy --scan distro.img.xz /dev/sdX          without a map: write what is used in the image
  bmap copy --nobmap distro.img /dev/sdX           write all of the image
  bmap copy --dry-run distro.img.xz /dev/sdX       make all checks, write nothing
  bmap copy --verify-target --retries 2 a.img /dev/sdX
  curl -L https://host/a.img.xz | bmap copy --bmap a.bmap - /dev/sdX

The map is looked for beside the image: a.img.gz.bmap, a.img.bmap, a.bmap; its signature as MAP.asc and
MAP.sig. Nothing is opened for writing before map, signature and target have been checked. Devices that are
mounted, swapped to or held by others are refused.`;

export const addCopyCommand: AddCommand = (program, bind) => {
  const command = program
    .command('copy')
    .summary('write an image to a device or file')
    .description(
      'Write an image to a block device or file: only the mapped blocks, each checked against its checksum before it is written. The image may be compressed, in an archive, at an address (http, https, ftp, ssh, file) or on standard input (-).',
    )
    .argument('<image>', 'image file, address, or - for standard input')
    .argument('<target>', 'device or file to write to')
    .option('--bmap <file>', 'the block map, a path or address')
    .option('--nobmap', 'write all of the image, without a block map')
    .option('--scan', 'find out first what is used in the image, and write that')
    .option('--bmap-sig <file>', 'the detached signature of the block map')
    .option('--no-sig-verify', 'do not check the signature of the block map')
    .option('--keyring <file>', 'believe only the keys in this file')
    .option('--fingerprint <digits>', 'the key that must have signed the block map')
    .option('--no-verify', 'do not compare the checksums of the image')
    .option('--psplash-pipe <pipe>', 'tell a boot splash the progress')
    .option('--removable-device', 'refuse a target that is not a removable device')
    .option('--member <name>', 'the image in an archive of several')
    .option('--also <target>', 'write to this device as well (repeatable)', collect, [])
    .addOption(
      new Option('--unmapped <policy>', 'the blocks of the image that are not mapped')
        .choices(['skip', 'discard', 'zero'])
        .default('skip'),
    )
    .option('--zero-offload', 'have the device make blocks of zeros itself, where it can')
    .option('--allow-smaller', 'allow a device smaller than the image if all mapped blocks fit')
    .option('--fix-gpt', 'move the backup GPT to the end of the device')
    .option('--verify-target', 'read everything back from the medium and compare')
    .option('--retries <count>', 'write again what was read back wrong', parseCount, 0)
    .option('--dry-run', 'make all checks, write nothing')
    .option('-y, --yes', 'do not ask before overwriting a disk that holds something')
    .addHelpText('after', EXAMPLES);
  bind<CopyCliOptions>(command, async (context, [image = '', target = ''], options) => {
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
                progress.clear();
                return confirmTarget(facts, terminal, signal);
              },
      },
      scan === true,
      progress,
    );
    return EXIT.ok;
  });
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

function collect(text: string, before: readonly string[]): readonly string[] {
  return [...before, text];
}

function parseCount(text: string): number {
  if (!/^\d{1,4}$/.test(text)) throw new InvalidArgumentError('Give a count.');
  return Number(text);
}
