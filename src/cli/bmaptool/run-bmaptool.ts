/** The bmaptool command line on top of this program's own commands. */
import { UsageError } from '../../errors/errors.ts';
import type { CopyProgress } from '../copy/run-copy.ts';
import { Terminal, type Verbosity, type Voice } from '../terminal/terminal.ts';
import { readVersion } from '../version.ts';
import {
  ArgumentError,
  assertComplete,
  parseArguments,
  type ParsedArguments,
  type ParserSpec,
} from './parse-arguments.ts';
import { COMMANDS, COPY, formatHelp, PROGRAM } from './surface.ts';

/** The release of bmaptool whose command line this is. */
const BMAPTOOL_VERSION = '3.9.0';

/** Colors stand in pipes and files as well; scripts that match them do so there. */
export const VOICE: Voice = {
  info: 'bmaptool: info: ',
  debug: 'bmaptool: debug: ',
  warning: 'bmaptool: \u001b[93mWARNING\u001b[0m: ',
  error: 'bmaptool: \u001b[91mERROR\u001b[0m: ',
};

/** @throws {ArgumentError} for a wrong command line, or what the commands throw. */
export async function runBmaptool(args: readonly string[], signal: AbortSignal): Promise<void> {
  const parsed = parseArguments(PROGRAM, args);
  if (await printAndStop(PROGRAM, parsed)) return;
  assertComplete(PROGRAM, parsed);
  const name = parsed.positionals[0]!;
  const spec = COMMANDS.get(name);
  if (spec === undefined) {
    const choices = [...COMMANDS.keys()].map((command) => `'${command}'`).join(', ');
    const problem = `argument command: invalid choice: '${name}' (choose from ${choices})`;
    throw new ArgumentError(PROGRAM, problem);
  }
  const command = parseArguments(spec, parsed.rest);
  if (await printAndStop(spec, command)) return;
  assertComplete(spec, command);
  const unknown = [...parsed.unknown, ...command.unknown];
  if (unknown.length > 0) {
    throw new ArgumentError(PROGRAM, `unrecognized arguments: ${unknown.join(' ')}`);
  }
  const verbosity = { quiet: parsed.options.has('--quiet'), debug: parsed.options.has('--debug') };
  if (verbosity.quiet && verbosity.debug) {
    throw new UsageError('exclusive', '--quiet and --debug cannot be used together');
  }
  const terminal = new Terminal(verbosity, VOICE);
  await (spec === COPY ? copy : create)({ terminal, signal }, command, verbosity);
}

type RunCommand = (
  context: { readonly terminal: Terminal; readonly signal: AbortSignal },
  command: ParsedArguments,
  verbosity: Verbosity,
) => Promise<void>;

const create: RunCommand = async (context, { options, positionals: [image = ''] }) => {
  const output = textOf(options, '--output');
  const checksum = !options.has('--no-checksum');
  const { runCreate } = await import('../actions/create.ts');
  await runCreate(context, [image], { ...(output !== undefined && { output }), checksum });
};

const copy: RunCommand = async (context, command, verbosity) => {
  const { options, positionals } = command;
  const [image = '', dest = ''] = positionals;
  const isWatched = process.stderr.isTTY && process.stdout.isTTY;
  const isLoud = isWatched && !verbosity.quiet && !verbosity.debug;
  const { runCopy } = await import('../copy/run-copy.ts');
  await runCopy(
    context,
    {
      image,
      targets: [dest],
      bmap: textOf(options, '--bmap'),
      nobmap: options.has('--nobmap'),
      bmapSig: textOf(options, '--bmap-sig'),
      sigVerify: !options.has('--no-sig-verify'),
      keyring: textOf(options, '--keyring'),
      fingerprint: textOf(options, '--fingerprint'),
      verify: !options.has('--no-verify'),
      psplashPipe: textOf(options, '--psplash-pipe'),
      removableDevice: options.has('--removable-device'),
    },
    isLoud ? new PercentProgress() : { update: () => {}, clear: () => {} },
  );
};

function textOf(options: ParsedArguments['options'], name: string): string | undefined {
  const value = options.get(name);
  return typeof value === 'string' ? value : undefined;
}

/** @returns true if there was only something to print, and it has been. */
async function printAndStop(spec: ParserSpec, { options }: ParsedArguments): Promise<boolean> {
  const text = options.has('--help')
    ? formatHelp(spec)
    : options.has('--version')
      ? `bmaptool ${BMAPTOOL_VERSION} (bmap-cli ${readVersion()})\n`
      : undefined;
  if (text === undefined) return false;
  const terminal = new Terminal({ quiet: false, debug: false });
  await terminal.writeOut(text);
  return true;
}

/** A line that is written over with each percent; whatever follows starts on a line of its own. */
class PercentProgress implements CopyProgress {
  #percent: number | undefined;

  update(phase: 'copying' | 'verifying', bytesDone: number, bytesTotal: number | undefined): void {
    if (bytesTotal === undefined || phase !== 'copying') return;
    const percent = bytesTotal === 0 ? 100 : Math.floor((bytesDone * 100) / bytesTotal);
    if (percent === this.#percent) return;
    const up = this.#percent === undefined ? '' : '\u001b[1A';
    this.#percent = percent;
    process.stderr.write(`${up}\r${VOICE.info}${percent}% copied\n`);
  }

  clear(): void {}
}
