/**
 * Names and passwords from ~/.netrc. Source: netrc(5) of GNU inetutils; quoting as curl reads it.
 * A file that cannot be read, or makes no sense from some point on, gives what was read before.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';

export interface Login {
  readonly user: string;
  readonly password: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The login for a host, from the file that NETRC names, or .netrc in the home folder. */
export function findLogin(host: string, env: Environment): Login | undefined {
  const home = env['HOME'];
  const file = env['NETRC'] ?? (home === undefined ? undefined : path.join(home, '.netrc'));
  if (file === undefined) return undefined;
  try {
    return parseNetrc(readFileSync(file, 'utf8'), host);
  } catch {
    // Not having one is usual; not being allowed to read it is the same to us.
    return undefined;
  }
}

/** The first entry for the host, else `default`. */
export function parseNetrc(text: string, host: string): Login | undefined {
  // A macro runs up to the next empty line.
  const withoutMacros = text.replace(/^[ \t]*macdef[^]*?(?:\n[ \t]*\r?\n|$(?![^]))/gm, '');
  const withoutComments = withoutMacros.replace(/(^|\s)#.*$/gm, '$1');
  const words = [...withoutComments.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(
    ([, quoted, plain]) => plain ?? quoted!.replace(/\\(.)/g, '$1'),
  );
  let fallback: Login | undefined;
  let at = 0;
  while (at < words.length) {
    const isDefault = words[at] === 'default';
    const isMachine = words[at] === 'machine';
    if (!isDefault && !isMachine) return fallback;
    const name = isMachine ? words[at + 1] : undefined;
    at += isMachine ? 2 : 1;
    let user = '';
    let password = '';
    for (; ['login', 'password', 'account'].includes(words[at] ?? ''); at += 2) {
      if (words[at] === 'login') user = words[at + 1] ?? '';
      if (words[at] === 'password') password = words[at + 1] ?? '';
    }
    if (name?.toLowerCase() === host.toLowerCase()) return { user, password };
    if (isDefault) fallback = { user, password };
  }
  return fallback;
}
