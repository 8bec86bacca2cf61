/**
 * The command line as plain data, read from commander's tree. Help, manual page and completions are
 * all made from it, so that none of them can say something else.
 */
import type { Argument, Command, Option } from 'commander';

import { notesOf, type CommandNotes } from './command-notes.ts';

/** What may stand for a word of the synopsis. `text` is anything that cannot be completed. */
export type ValueKind = 'path' | 'choice' | 'text';

export interface ValueFacts {
  /** The word that stands for the value in the synopsis, without brackets: `file`. */
  readonly name: string;
  readonly kind: ValueKind;
  /** Every value there is, of the kind `choice`. */
  readonly choices: readonly string[];
}

export interface OptionFacts {
  /** As they are typed, the short one first: `-o`, `--output`. */
  readonly names: readonly string[];
  /** Undefined for a switch. */
  readonly value: ValueFacts | undefined;
  readonly isRepeatable: boolean;
  /** One phrase, without choices and default. */
  readonly summary: string;
  /** The summary with choices and default. */
  readonly text: string;
}

export interface ArgumentFacts extends ValueFacts {
  readonly isRequired: boolean;
  readonly text: string;
}

export interface CommandFacts {
  readonly name: string;
  readonly summary: string;
  readonly description: string;
  readonly options: readonly OptionFacts[];
  readonly arguments: readonly ArgumentFacts[];
  readonly notes: CommandNotes;
}

/** What the words of the synopses stand for; a new word has to be added here. */
const VALUE_KINDS: ReadonlyMap<string, ValueKind> = new Map([
  ['image', 'path'],
  ['target', 'path'],
  ['bmap', 'path'],
  ['file', 'path'],
  ['start-end', 'text'],
  ['number', 'text'],
  ['count', 'text'],
  ['digits', 'text'],
  ['name', 'text'],
]);

/** @throws {TypeError} for a word that is not in the table above. */
export function commandFacts(command: Command): CommandFacts {
  return {
    name: command.name(),
    summary: command.summary(),
    description: command.description(),
    options: command.createHelp().visibleOptions(command).map(optionFacts),
    arguments: command.registeredArguments.map(argumentFacts),
    notes: notesOf(command),
  };
}

/** What a help text says of an option: `what to map (keep or data; default: keep)`. */
export function optionText(option: Option): string {
  const { description, argChoices = [] } = option;
  const defaultValue: unknown = option.defaultValue;
  const isDefaultSaid = typeof defaultValue === 'string' || typeof defaultValue === 'number';
  const notes = [
    ...(argChoices.length > 0 ? [joinChoices(argChoices)] : []),
    ...(isDefaultSaid ? [`default: ${defaultValue}`] : []),
    ...(isRepeatable(option) ? ['repeatable'] : []),
  ];
  return notes.length === 0 ? description : `${description} (${notes.join('; ')})`;
}

/** `skip, discard or zero`. */
function joinChoices(choices: readonly string[]): string {
  return choices.join(', ').replace(/, (?=[^,]*$)/, ' or ');
}

function optionFacts(option: Option): OptionFacts {
  const word = /<([^>]+)>/.exec(option.flags)?.[1];
  return {
    names: [option.short, option.long].filter((name) => name !== undefined),
    value: word === undefined ? undefined : valueFacts(word, option.argChoices),
    isRepeatable: isRepeatable(option),
    summary: option.description,
    text: optionText(option),
  };
}

/** Options that collect their values start from an empty list. */
function isRepeatable({ defaultValue }: Option): boolean {
  return Array.isArray(defaultValue);
}

function argumentFacts(argument: Argument): ArgumentFacts {
  return {
    ...valueFacts(argument.name(), argument.argChoices),
    isRequired: argument.required,
    text: argument.description,
  };
}

function valueFacts(name: string, choices: readonly string[] = []): ValueFacts {
  const kind = choices.length > 0 ? 'choice' : VALUE_KINDS.get(name);
  if (kind === undefined) throw new TypeError(`what is a <${name}>? see VALUE_KINDS`);
  return { name, kind, choices };
}
