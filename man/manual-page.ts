/**
 * Makes the manual page bmap(1) from what the program says itself: its commands and help topics. The
 * page is kept in this folder, and test/cli/manual-page.test.ts tells when it is not up to date.
 */
import { commandFacts, type CommandFacts, type OptionFacts } from '../src/cli/command-facts.ts';
import { TOPICS } from '../src/cli/help/topics.ts';
import type { Topic, TopicBlock } from '../src/cli/help/topic.ts';
import { createProgram } from '../src/cli/program.ts';
import * as roff from './roff.ts';

/** Set by hand with each release, so that the page is the same whenever it is made. */
const DATE = '2026-11-20';

const SEE_ALSO = [
  'bmaptool(1)',
  'dd(1)',
  'gpgv(1)',
  'ssh(1)',
  'netrc(5)',
  'fstrim(8)',
  'wipefs(8)',
];

/** The page in the language of man(7). @param version of the package. */
export async function formatManualPage(version: string): Promise<string> {
  const tree = createProgram(version, () => {});
  const program = commandFacts(tree);
  const commands = tree.commands.map(commandFacts);
  const globals = new Set(program.options.flatMap(({ names }) => names));
  const topics = await Promise.all(TOPICS.map(async ({ load }) => load()));
  const lines = [
    '.\\" Made by "npm run man" from the help texts of the program. Do not edit.',
    `.TH BMAP 1 ${DATE} "bmap ${version}" "User Commands"`,
    roff.section('Name'),
    'bmap \\- scan, map, shrink and flash disk images by what is used in them',
    roff.section('Synopsis'),
    commands.map(formatSynopsis).join('\n.br\n'),
    roff.section('Description'),
    roff.prose(program.description),
    roff.section('Options'),
    roff.prose('They may stand before the command or behind it; --version stands alone.'),
    ...program.options.map(formatOption),
    roff.section('Commands'),
    ...commands.flatMap((command) => formatCommand(command, globals)),
    ...topics.flatMap(formatTopic),
    roff.section('Examples'),
    ...commands.flatMap(({ notes }) =>
      notes.examples.map(({ line, text }) => roff.tagged(roff.bold(line), text)),
    ),
    roff.section('See also'),
    SEE_ALSO.map(formatReference).join(',\n'),
  ];
  return `${lines.join('\n')}\n`;
}

/** `bmap copy [options] image target`. */
function formatSynopsis({ name, arguments: values }: CommandFacts): string {
  const words = values.map(({ name: word, isRequired }) =>
    isRequired ? roff.italic(word) : `[${roff.italic(word)}]`,
  );
  return [roff.bold(`bmap ${name}`), `[${roff.italic('options')}]`, ...words].join(' ');
}

function formatCommand(command: CommandFacts, globals: ReadonlySet<string>): readonly string[] {
  const own = command.options.filter(({ names }) => !names.some((name) => globals.has(name)));
  return [
    roff.subsection(formatSynopsis(command)),
    roff.prose(command.description),
    ...command.arguments.map(({ name, text }) => roff.tagged(roff.italic(name), text)),
    ...own.map(formatOption),
    ...command.notes.paragraphs.map(roff.paragraph),
  ];
}

function formatOption({ names, value, text }: OptionFacts): string {
  const term = names.map(roff.bold).join(', ');
  return roff.tagged(value === undefined ? term : `${term} ${roff.italic(value.name)}`, text);
}

function formatTopic({ title, blocks }: Topic): readonly string[] {
  return [
    roff.section(title),
    ...blocks.map((block, index) => formatBlock(block, blocks[index - 1])),
  ];
}

function formatBlock(block: TopicBlock, before: TopicBlock | undefined): string {
  if (block.kind === 'heading') return roff.subsection(roff.literal(block.text));
  if (block.kind === 'list') {
    return block.entries.map(([term, text]) => roff.tagged(roff.bold(term), text)).join('\n');
  }
  // A heading starts a paragraph by itself.
  const isFirst = before === undefined || before.kind === 'heading';
  return isFirst ? roff.prose(block.text) : roff.paragraph(block.text);
}

function formatReference(reference: string): string {
  const [, name = '', chapter = ''] = /^(.*)(\(\d\))$/.exec(reference)!;
  return `${roff.bold(name)}${chapter}`;
}
