/** What the help of a command says behind its options, kept as data: the manual page needs it too. */
import type { Command } from 'commander';

export interface Example {
  /** A command line to copy. */
  readonly line: string;
  /** What it does. */
  readonly text: string;
}

export interface CommandNotes {
  readonly examples: readonly Example[];
  readonly paragraphs: readonly string[];
}

const notes = new WeakMap<Command, CommandNotes>();

/** Adds them to the command's help. */
export function addNotes(command: Command, commandNotes: CommandNotes): void {
  notes.set(command, commandNotes);
  command.addHelpText('after', () => formatNotes(command, commandNotes));
}

export function notesOf(command: Command): CommandNotes {
  return notes.get(command) ?? { examples: [], paragraphs: [] };
}

function formatNotes(command: Command, { examples, paragraphs }: CommandNotes): string {
  const help = command.createHelp();
  const width = command.configureOutput().getOutHelpWidth?.() ?? 80;
  const lines = examples.flatMap(({ line, text }) => [`  ${line}`, `      ${text}`]);
  return [
    ['', 'Examples:', ...lines].join('\n'),
    ...paragraphs.map((paragraph) => help.boxWrap(paragraph, width)),
  ].join('\n\n');
}
