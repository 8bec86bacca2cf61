/** What no image starts with. */
import { CorruptError, UsageError } from '../../errors/errors.ts';
import { looksLikeText } from './archive/image-name.ts';

/** What servers declare the pages as that they send in place of what they do not have. */
const PAGE_TYPES = /^(?:text\/(?:html|xml)|application\/(?:xhtml\+xml|xml|json))\b/i;

/**
 * `head` are the first bytes of what is to be written. `contentType` is what the server says, which is
 * not always right: scripts may send anything as HTML.
 * @throws {CorruptError} kind `empty-image` or `web-page`. @throws {UsageError} kind `bmap-as-image`.
 */
export function assertImageHead(
  head: Uint8Array,
  name: string,
  contentType: string | undefined,
): void {
  const structure = name;
  if (head.length === 0) {
    throw new CorruptError('empty-image', { structure }, 'the image is empty; get it again');
  }
  const start = new TextDecoder().decode(head);
  if (/^\s*<\?xml[^]*<bmap[\s>]/.test(start)) {
    throw new UsageError(
      'bmap-as-image',
      `${name}: this is a block map, not an image; name the image`,
    );
  }
  const isPage = /^\s*<(?:!doctype|html|\?xml)\b/i.test(start);
  if (isPage || (PAGE_TYPES.test(contentType ?? '') && looksLikeText(head))) {
    const text =
      'this is a page of text, as servers send it in place of what they do not have; open the address in a browser to see it';
    throw new CorruptError('web-page', { structure }, text);
  }
}
