import { Argument, type Command } from 'commander';

import { addNotes } from '../command-notes.ts';
import { TOPICS } from '../help/topics.ts';
import type { AddCommand } from '../program.ts';

/** Goes last: it knows the names of the commands that are there. */
export const addHelpCommand: AddCommand = (program, bind) => {
  const command = program
    .command('help')
    .summary('print help for a command or topic')
    .description('Print the help of a command, or a text on a topic.');
  const names = [...program.commands.map((one) => one.name()), ...TOPICS.map(({ name }) => name)];
  command.addArgument(new Argument('[topic]', 'a command or topic').choices(names));
  addNotes(command, {
    examples: [
      { line: 'bmap help copy', text: 'all options of a command' },
      { line: 'bmap help formats', text: 'what is read, and how far it is understood' },
    ],
    paragraphs: [],
  });
  bind(command, async () => (await import('../actions/help.ts')).runHelp(program));
};

/** What the program's help says behind its commands. */
export function formatTopicList(program: Command): string {
  const help = program.createHelp();
  const width = Math.max(...TOPICS.map(({ name }) => name.length));
  help.prepareContext({ helpWidth: program.configureOutput().getOutHelpWidth?.() ?? 80 });
  const items = TOPICS.map(({ name, summary }) => help.formatItem(name, width, summary, help));
  return `\nTopics (bmap help <topic>):\n${items.join('\n')}\n`;
}
