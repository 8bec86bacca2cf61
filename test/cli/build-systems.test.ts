/** The command lines with which image builders call bmaptool, served by ours and by the original. */
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';

import { makeDemoImage } from '../support/demo-image.ts';
import { describeWith, requireTools } from '../support/requirements.ts';
import { run } from '../support/run.ts';
import { makeScratchFolder } from '../support/scratch.ts';

/** Sources and versions: docs/build-systems.md. Each makes demo.img.bmap of demo.img. */
const CALLS: readonly { readonly builder: string; readonly shell: string }[] = [
  {
    builder: 'OpenEmbedded, image_types.bbclass',
    shell: 'IMAGE_NAME=demo; bmaptool create ${IMAGE_NAME}.img -o ${IMAGE_NAME}.img.bmap',
  },
  { builder: 'mkosi 14', shell: 'bmaptool create "$PWD/demo.img" > demo.img.bmap' },
  { builder: 'debos recipes', shell: 'bmaptool create demo.img > demo.img.bmap' },
  {
    builder: 'pi-gen',
    shell:
      'if hash bmaptool 2>/dev/null; then bmaptool create -o "$PWD/demo.img.bmap" "$PWD/demo.img"; fi',
  },
  {
    builder: 'post-image scripts of Buildroot',
    shell: 'bmaptool create "$PWD/demo.img" -o "$PWD/demo.img.bmap"',
  },
];

/** Runs the text with that folder first in the PATH. @returns the bmaptool that it found, and the map. */
function makeMap(shell: string, folder: string): { found: string; map: string } {
  const image = makeDemoImage();
  const cwd = makeScratchFolder();
  run('dd', [`if=${image}`, `of=${path.join(cwd, 'demo.img')}`, 'bs=4096', 'conv=sparse']);
  const found = run('sh', ['-e', '-u', '-c', `command -v bmaptool; ${shell}`], {
    cwd,
    env: { PATH: `${folder}:${process.env['PATH'] ?? ''}` },
  });
  return { found: found.trim(), map: readFileSync(path.join(cwd, 'demo.img.bmap'), 'utf8') };
}

/** A folder as npm fills it: one command for each script. */
function installAlias(): string {
  const folder = makeScratchFolder();
  const script = path.resolve('dist/bin/bmaptool.js');
  const command = path.join(folder, 'bmaptool');
  writeFileSync(command, `#!/bin/sh\nexec '${process.execPath}' '${script}' "$@"\n`);
  chmodSync(command, 0o755);
  return folder;
}

describeWith(
  requireTools('bmaptool', 'dd'),
  'bmaptool, first in the PATH, makes the map of',
  () => {
    it.each(CALLS)('$builder', ({ shell }) => {
      const alias = installAlias();
      const ours = makeMap(shell, alias);
      const theirs = makeMap(shell, '/usr/bin');
      expect([ours.found, theirs.found]).toEqual([`${alias}/bmaptool`, '/usr/bin/bmaptool']);
      expect(theirs.map).toContain('</bmap>');
      expect(ours.map).toBe(theirs.map);
    });
  },
);
