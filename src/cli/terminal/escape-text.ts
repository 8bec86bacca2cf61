/**
 * Names and labels come from the image, which may be hostile: control characters could move the
 * cursor or rewrite the screen, and invisible or direction-changing ones could show a false name.
 */
// C0 and C1 controls; soft hyphen; format characters (zero width, bidirectional); lone surrogates;
// line and paragraph separators; private use and unassigned.
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu;

/** Makes text from outside safe to print: unsafe characters become `\x1b` or `\u{202e}`. */
export function escapeText(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll(UNSAFE, (char) => {
    const code = char.codePointAt(0)!;
    return code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
  });
}

/** For messages that are ours but may quote the image: like `escapeText`, but keeps line feeds and `\`. */
export function escapeMessage(text: string): string {
  return text
    .split('\n')
    .map((line) => escapeText(line).replaceAll('\\\\', '\\'))
    .join('\n');
}

/**
 * Makes a JSON document safe to print without changing its meaning: what is unsafe stands inside of
 * strings only, where it may be written as `\u202e`.
 */
export function escapeJson(json: string): string {
  return json
    .split('\n')
    .map((line) => line.replaceAll(UNSAFE, toJsonEscape))
    .join('\n');
}

/** Characters beyond 16 bits are two escapes, as in UTF-16. */
function toJsonEscape(char: string): string {
  const units = Array.from({ length: char.length }, (_, index) => char.charCodeAt(index));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('');
}
