/** The command line as a whole: global options, help and the table of commands. */
import { Command, CommanderError } from 'commander';

import { UsageError } from '../errors/errors.ts';
import { optionText } from './command-facts.ts';
import { addCheckCommand } from './commands/check.ts';
import { addCompletionCommand } from './commands/completion.ts';
import { addCopyCommand } from './commands/copy.ts';
import { addCreateCommand } from './commands/create.ts';
import { addHelpCommand, formatTopicList } from './commands/help.ts';
import { addInspectCommand } from './commands/inspect.ts';
import { addScanCommand } from './commands/scan.ts';
import { addSparsifyCommand } from './commands/sparsify.ts';
import { addVerifyCommand } from './commands/verify.ts';
import type { Terminal } from './terminal/terminal.ts';
import { readVersion } from './version.ts';

/** What every command gets beside its own arguments. */
export interface CommandContext {
  readonly terminal: Terminal;
  /** Aborted when the user interrupts. */
  readonly signal: AbortSignal;
}

/** What a command does, once its options are known. @returns the exit code. */
export type Action<Options> = (
  context: CommandContext,
  args: readonly string[],
  options: Options,
) => Promise<number>;

/** Gives the program a command, with its options and help. */
export type AddCommand = (program: Command, bind: Bind) => void;

/** Wires a command's action, whose code is loaded only when the command runs. */
export type Bind = <Options>(command: Command, load: () => Promise<Action<Options>>) => void;

const commands: readonly AddCommand[] = [
  addScanCommand,
  addInspectCommand,
  addCreateCommand,
  addCopyCommand,
  addCheckCommand,
  addVerifyCommand,
  addSparsifyCommand,
  addCompletionCommand,
  addHelpCommand,
];

/**
 * Parses the arguments and runs the command they name.
 * @returns the exit code. @throws {UsageError} for a wrong command line.
 */
export async function runProgram(args: readonly string[], signal: AbortSignal): Promise<number> {
  let exitCode = 0;
  const program = createProgram(readVersion(), (command, load) => {
    command.action(async () => {
      const { quiet = false, debug = false, ...options } = command.optsWithGlobals();
      if (quiet === true && debug === true) {
        throw new UsageError('exclusive', '--quiet and --debug cannot be used together');
      }
      const { Terminal } = await import('./terminal/terminal.ts');
      const terminal = new Terminal({ quiet: quiet === true, debug: debug === true });
      const action = await load();
      exitCode = await action({ terminal, signal }, command.args, options as never);
    });
  });
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return 0;
    throw new UsageError(error.code, usageText(error, program));
  }
  return exitCode;
}

/** The tree of commands. Only `bind` says what they do. */
export function createProgram(version: string, bind: Bind): Command {
  const program = addGlobalOptions(new Command('bmap'))
    .description(
      'Find out which blocks of a disk image are used, write block maps for it, and copy it safely.',
    )
    .version(version, '--version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand(false)
    .configureHelp({ optionDescription: optionText, argumentDescription: (one) => one.description })
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
  for (const add of commands) add(program, bind);
  for (const command of program.commands) addGlobalOptions(command);
  return program.addHelpText('after', () => formatTopicList(program));
}

/** Global options may stand before or after the command, so each command knows them too. */
function addGlobalOptions(command: Command): Command {
  return command
    .option('-q, --quiet', 'print nothing but warnings and errors')
    .option('-d, --debug', 'print details of what is done');
}

function usageText(error: CommanderError, program: Command): string {
  if (error.code === 'commander.help') {
    return `no command given\n${program.helpInformation()}${formatTopicList(program)}`.trim();
  }
  return error.message.replace(/^error: /, '');
}
