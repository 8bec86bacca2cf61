import type { Topic, TopicBlock } from './topic.ts';

/** Breaks text into lines of at most so many characters, as commander's help does. */
export type Wrap = (text: string, columns: number) => string;

const INDENT = 2;
/** Between a term and its text. */
const GAP = 2;
/** A longer term has a line of its own. */
const MAX_TERM = 24;

/** A topic as text for a terminal of so many columns. */
export function formatTopic({ title, blocks }: Topic, columns: number, wrap: Wrap): string {
  const parts = [title, ...blocks.map((block) => formatBlock(block, columns, wrap))];
  return `${parts.join('\n\n')}\n`;
}

function formatBlock(block: TopicBlock, columns: number, wrap: Wrap): string {
  if (block.kind === 'heading') return `${block.text}:`;
  if (block.kind === 'paragraph') return wrap(block.text, columns);
  const longest = Math.max(...block.entries.map(([term]) => term.length));
  const width = Math.min(longest, MAX_TERM) + GAP;
  return block.entries
    .map(([term, text]) => formatEntry(term, wrap(text, columns - INDENT - width), width))
    .join('\n');
}

function formatEntry(term: string, text: string, width: number): string {
  const indent = ' '.repeat(INDENT);
  const body = text.replaceAll('\n', `\n${indent}${' '.repeat(width)}`);
  const isLong = term.length + GAP > width;
  return isLong
    ? `${indent}${term}\n${indent}${' '.repeat(width)}${body}`
    : `${indent}${term.padEnd(width)}${body}`;
}
