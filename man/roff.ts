/** The few requests of man(7) that the manual page needs. Source: groff_man(7), mandoc man(7). */

/** Style checkers of manual pages complain about longer lines of input. */
const MAX_COLUMNS = 78;

/** Text that is typed as it stands: every dash is a real one. */
export function literal(text: string): string {
  return escape(text).replaceAll('-', '\\-').replaceAll("'", '\\(aq');
}

export function bold(text: string): string {
  return `\\fB${literal(text)}\\fR`;
}

export function italic(text: string): string {
  return `\\fI${literal(text)}\\fR`;
}

/** Options, a lone dash, addresses, and names of variables: never divided at the end of a line. */
const TYPED_WORDS = /(?<![\w-])-(?:-?[A-Za-z][\w-]*|(?= ))|\w+:\/\/\S+|\b\w+_\w+\b/g;

/** Sentences on lines of their own, as manual pages have it. */
export function prose(text: string): string {
  const escaped = escape(text).replaceAll(
    TYPED_WORDS,
    (word) => `\\%${word.replaceAll('-', '\\-')}`,
  );
  return escaped
    .split(/(?<=[.?!]) /)
    .flatMap(wrapWords)
    .map(guard)
    .join('\n');
}

export function section(title: string): string {
  return `.SH ${title.toUpperCase()}`;
}

/** @param title escaped already. */
export function subsection(title: string): string {
  return `.SS ${title}`;
}

export function paragraph(text: string): string {
  return `.PP\n${prose(text)}`;
}

/** A term and what it means. @param term escaped already. */
export function tagged(term: string, text: string): string {
  return `.TP\n${guard(term)}\n${prose(text)}`;
}

function escape(text: string): string {
  return text.replaceAll('\\', '\\e').replaceAll('~', '\\(ti').replaceAll('^', '\\(ha');
}

/** A dot or quote in front would be a request. */
function guard(line: string): string {
  return /^[.']/.test(line) ? `\\&${line}` : line;
}

function wrapWords(sentence: string): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of sentence.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > MAX_COLUMNS) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
