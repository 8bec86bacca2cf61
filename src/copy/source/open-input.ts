/** Opens what a location names: standard input, a URL of a known scheme, or a path. */
import type { Readable } from 'node:stream';

import { UsageError } from '../../errors/errors.ts';
import type { ByteInput, InputContext } from './byte-input.ts';
import { openFtpInput } from './input/ftp-input.ts';
import { openHttpInput } from './input/http-input.ts';
import { openLocalInput } from './input/local-input.ts';
import { openSshInput } from './input/ssh-input.ts';
import { StreamInput } from './input/stream-input.ts';
import { parseUrl, pathOf } from './location.ts';

type OpenUrl = (url: URL, context: InputContext) => Promise<ByteInput>;

const SCHEMES: ReadonlyMap<string, OpenUrl> = new Map([
  ['http:', openHttpInput],
  ['https:', openHttpInput],
  ['ftp:', openFtpInput],
  ['ssh:', openSshInput],
  ['file:', async (url, context) => openLocalInput(pathOf(url), context)],
]);

/**
 * Opens what is meant by `location`. @throws {UsageError} if it makes no sense.
 * @throws {SystemError} if it cannot be opened; see `isNotFound`.
 */
export async function openInput(
  location: string,
  stdin: Readable | undefined,
  context: InputContext,
): Promise<ByteInput> {
  context.signal.throwIfAborted();
  if (location === '-') {
    if (stdin === undefined) throw new UsageError('no-stdin', 'there is no standard input to read');
    return new StreamInput(stdin, {
      name: 'standard input',
      fileName: '',
      signal: context.signal,
    });
  }
  const url = parseUrl(location);
  if (url === undefined) return openLocalInput(location, context);
  const open = SCHEMES.get(url.protocol);
  if (open !== undefined) return open(url, context);
  const known = [...SCHEMES.keys()].map((scheme) => scheme.slice(0, -1)).join(', ');
  const text = `${url.protocol}// is not a known kind of address; there are ${known}`;
  throw new UsageError('unknown-scheme', text);
}
