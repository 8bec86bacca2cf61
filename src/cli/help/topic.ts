/** A page of help that is not about one command. The terminal and the manual page both show it. */
export interface Topic {
  /** The heading in the manual page. */
  readonly title: string;
  readonly blocks: readonly TopicBlock[];
}

export type TopicBlock =
  | { readonly kind: 'heading'; readonly text: string }
  | { readonly kind: 'paragraph'; readonly text: string }
  | { readonly kind: 'list'; readonly entries: readonly TopicEntry[] };

/** A name and what it means. */
export type TopicEntry = readonly [term: string, text: string];

export function heading(text: string): TopicBlock {
  return { kind: 'heading', text };
}

export function paragraph(text: string): TopicBlock {
  return { kind: 'paragraph', text };
}

export function list(entries: readonly TopicEntry[]): TopicBlock {
  return { kind: 'list', entries };
}
