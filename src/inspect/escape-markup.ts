/**
 * Text from the image in SVG and HTML. Besides markup, what XML does not allow at all (controls, lone
 * surrogates) and what could show a false name (zero width, bidirectional) is made visible.
 */
const MARKUP: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
// Controls; format characters; lone surrogates; private use and unassigned, which holds the
// noncharacters; line and paragraph separators.
const UNSAFE = /[&<>"'\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu;

/** @returns text for an element or a quoted attribute; unsafe characters as `\x1b` or `\u{202e}`. */
export function escapeMarkup(text: string): string {
  return text.replaceAll(UNSAFE, (char) => {
    const entity = MARKUP[char];
    if (entity !== undefined) return entity;
    const code = char.codePointAt(0)!;
    return code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
  });
}
