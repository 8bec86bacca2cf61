import { Argument } from 'commander';

import { addNotes } from '../command-notes.ts';
import type { AddCommand } from '../program.ts';

/** The shells there are scripts for. */
const SHELLS = ['bash', 'zsh', 'fish'] as const;

export type Shell = (typeof SHELLS)[number];

export const addCompletionCommand: AddCommand = (program, bind) => {
  const command = program
    .command('completion')
    .summary('print a script that completes command lines')
    .description(
      'Print a script that has a shell complete commands, options, their values and file names.',
    )
    .addArgument(new Argument('<shell>', 'bash, zsh or fish').choices(SHELLS));
  addNotes(command, {
    examples: [
      {
        line: 'bmap completion bash > ~/.local/share/bash-completion/completions/bmap',
        text: 'for bash with the package bash-completion',
      },
      {
        line: 'bmap completion zsh > /usr/local/share/zsh/site-functions/_bmap',
        text: 'for zsh: a file of this name in a folder of $fpath',
      },
      {
        line: 'bmap completion fish > ~/.config/fish/completions/bmap.fish',
        text: 'for fish',
      },
      {
        line: 'source <(bmap completion bash)',
        text: 'for this session of bash only; nothing is installed',
      },
    ],
    paragraphs: ['The script is complete in itself: nothing is started while you type.'],
  });
  bind(command, async () => (await import('../actions/completion.ts')).runCompletion(program));
};
