import type { Command } from 'commander';

import { EXIT } from '../exit-codes.ts';
import { formatTopic } from '../help/format-topic.ts';
import { TOPICS } from '../help/topics.ts';
import type { Action } from '../program.ts';

/** Prints the help of a command or a topic, and without a name that of the program. */
export function runHelp(program: Command): Action<unknown> {
  return async ({ terminal }, [name]) => {
    const topic = TOPICS.find((listing) => listing.name === name);
    if (topic === undefined) {
      const command = program.commands.find((one) => one.name() === name);
      (command ?? program).outputHelp();
      return EXIT.ok;
    }
    const help = program.createHelp();
    const text = formatTopic(await topic.load(), terminal.outputColumns, (words, columns) =>
      help.boxWrap(words, columns),
    );
    await terminal.writeOut(text);
    return EXIT.ok;
  };
}
