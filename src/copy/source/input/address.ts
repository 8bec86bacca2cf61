/** What the parts of an address say, and how it may be shown. */
import { UsageError } from '../../../errors/errors.ts';
import type { Login } from './netrc.ts';

/** For messages: no credentials, and no query, which may hold keys as well. */
export function nameOf(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}

/** The last part of the path, decoded. */
export function fileNameOf(url: URL): string {
  return decodePart(url.pathname.split('/').at(-1) ?? '', url);
}

/** `user:password@` of the address, if there is any. */
export function loginOf(url: URL): Login | undefined {
  if (url.username === '' && url.password === '') return undefined;
  return { user: decodePart(url.username, url), password: decodePart(url.password, url) };
}

/** @throws {UsageError} kind `bad-address` for what is no UTF-8, or has line ends and the like in it. */
export function decodePart(text: string, url: URL): string {
  const bad = (): UsageError =>
    new UsageError(
      'bad-address',
      `${nameOf(url)}: this address has characters that are not allowed`,
    );
  let decoded: string;
  try {
    decoded = decodeURIComponent(text);
  } catch {
    throw bad();
  }
  if (/\p{Cc}/u.test(decoded)) throw bad();
  return decoded;
}
