import type { Command } from 'commander';

import { commandFacts } from '../command-facts.ts';
import type { Shell } from '../commands/completion.ts';
import { formatBashCompletion } from '../completion/bash.ts';
import { formatFishCompletion } from '../completion/fish.ts';
import type { FormatCompletion } from '../completion/format-completion.ts';
import { formatZshCompletion } from '../completion/zsh.ts';
import { EXIT } from '../exit-codes.ts';
import type { Action } from '../program.ts';

const FORMATS: Readonly<Record<Shell, FormatCompletion>> = {
  bash: formatBashCompletion,
  zsh: formatZshCompletion,
  fish: formatFishCompletion,
};

/** Prints the script for the shell that is named. */
export function runCompletion(program: Command): Action<unknown> {
  return async ({ terminal }, [shell]) => {
    const format = FORMATS[shell as Shell];
    await terminal.writeOut(format(commandFacts(program), program.commands.map(commandFacts)));
    return EXIT.ok;
  };
}
