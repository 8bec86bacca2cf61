import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';

import { makeScratchFolder } from './scratch.ts';

export const DEMO_IMAGE_BYTES = 64 * 1024 * 1024;

/** Unpacks the image that ships with the project: GPT, a FAT system partition, ext4, raw data. */
export function makeDemoImage(): string {
  const file = path.join(makeScratchFolder(), 'demo.img');
  writeFileSync(file, gunzipSync(readFileSync('test-images/images/demo.img.gz')));
  return file;
}
