/**
 * Tests run the sources as they are, but a thread is started by Node, which runs compiled files only: for
 * the URLs of workers, the module lies where its compiled twin does.
 */
import path from 'node:path';
import { pathToFileURL } from 'node:url';

import type { Plugin } from 'vitest/config';

const root = path.resolve(import.meta.dirname, '../..');
const WORKER_URL = /new URL\('\.\/[\w-]+-worker\.js', import\.meta\.url\)/g;

export function compiledWorkers(): Plugin {
  return {
    name: 'compiled-workers',
    enforce: 'pre',
    transform(code, id) {
      if (!id.endsWith('.ts')) return code;
      const twin = path.join(root, 'dist', path.relative(root, id));
      const url = JSON.stringify(pathToFileURL(twin).href);
      return code.replace(WORKER_URL, (text) => text.replace('import.meta.url', url));
    },
  };
}
