/** What a location is: standard input, an address, or a path. */
import { fileURLToPath } from 'node:url';

import { UsageError } from '../../errors/errors.ts';

/** Whether a location is an address, as opposed to a path or standard input. */
export function isUrl(location: string): boolean {
  return /^(?:[a-z][a-z0-9+.-]*:\/\/|file:\/)/i.test(location);
}

/** The path of what a location names on this machine; undefined for standard input and servers. */
export function localPathOf(location: string): string | undefined {
  if (location === '-') return undefined;
  const url = parseUrl(location);
  if (url === undefined) return location;
  return url.protocol === 'file:' ? pathOf(url) : undefined;
}

/**
 * Undefined for a path. @throws {UsageError} if it is malformed. The address never stands in the error:
 * it may have a password in it.
 */
export function parseUrl(location: string): URL | undefined {
  if (!isUrl(location)) return undefined;
  try {
    return new URL(location);
  } catch {
    throw new UsageError('bad-address', 'the address of the image is malformed');
  }
}

/** The path in an address with `file:`. @throws {UsageError} if it names another machine. */
export function pathOf(url: URL): string {
  try {
    return fileURLToPath(url);
  } catch (error) {
    throw new UsageError('bad-address', `${url.href}: ${(error as Error).message}`);
  }
}
