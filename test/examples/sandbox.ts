/** A folder in which examples run as if they were typed there: all images are the demo image. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';

import { tryRun } from '../support/run.ts';
import type { Command } from './documents.ts';

const PROGRAMS: ReadonlyMap<string, string> = new Map([
  ['bmap', path.resolve('dist/bin/bmap.js')],
  ['bmaptool', path.resolve('dist/bin/bmaptool.js')],
]);
const RAW = /\.(?:img|wic|raw)$/;
const PACKED = /\.(?:img|wic|raw)\.\w+$/;

export class Sandbox {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'bmap-examples-'));
  readonly #packed = readFileSync('test-images/images/demo.img.gz');

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }

  /** Puts an image, packed or not, or its map, in the place of every word that names one. */
  provide(words: readonly string[]): void {
    for (const word of words) {
      const file = path.join(this.folder, word);
      if (existsSync(file)) continue;
      // Whatever packing the name tells of: the content decides.
      const content = RAW.test(word)
        ? gunzipSync(this.#packed)
        : PACKED.test(word)
          ? this.#packed
          : word.endsWith('.bmap')
            ? this.#makeMap()
            : undefined;
      if (content === undefined) continue;
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, content);
    }
  }

  /** Runs a command of ours; what it prints goes where the shell would put it, or is returned. */
  run({ words, output }: Command): { readonly status: number; readonly printed: string } {
    // A file stands in for the card.
    const [program = '', ...args] = words.map((word) =>
      word.startsWith('/dev/sd') ? `${path.basename(word)}.img` : word,
    );
    this.provide(args);
    const { status, stdout, stderr } = tryRun(process.execPath, [PROGRAMS.get(program)!, ...args], {
      cwd: this.folder,
    });
    if (output === undefined) return { status, printed: `${stderr}${stdout}` };
    writeFileSync(path.join(this.folder, output), stdout);
    return { status, printed: stderr };
  }

  #makeMap(): Buffer {
    const words = ['bmap', 'scan', '--quiet', '-o', 'made-for-examples.map', 'distro.img'];
    const { status, printed } = this.run({ words, output: undefined });
    if (status !== 0) throw new Error(printed);
    return readFileSync(path.join(this.folder, 'made-for-examples.map'));
  }
}
