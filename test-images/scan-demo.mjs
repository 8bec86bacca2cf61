/**
 * The main job on the image that ships with the project: prints what was found in it and a block map.
 * Needs nothing but Node and a finished build.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

const here = path.dirname(fileURLToPath(import.meta.url));
const program = path.join(here, '../dist/bin/bmap.js');
const folder = mkdtempSync(path.join(tmpdir(), 'bmap-demo-'));
try {
  const image = path.join(folder, 'demo.img');
  writeFileSync(image, gunzipSync(readFileSync(path.join(here, 'images/demo.img.gz'))));
  for (const args of [['scan'], ['scan', '--quiet', '--bmap']]) {
    const { status } = spawnSync(process.execPath, [program, ...args, image], { stdio: 'inherit' });
    if (status !== 0) process.exitCode = status ?? 70;
  }
} finally {
  rmSync(folder, { recursive: true });
}
