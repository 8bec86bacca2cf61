import { readFileSync } from 'node:fs';

/** From the package that this file is part of, once compiled to `dist/src/cli`. */
export function readVersion(): string {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
