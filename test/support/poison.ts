/**
 * The heart of the tests: what the map leaves out is overwritten, and nobody may notice.
 */
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';

import { FileReader } from '../../src/image/file-reader.ts';
import type { RangeSet } from '../../src/ranges/range-set.ts';
import {
  decideMapping,
  surveyImage,
  type ScanImageOptions,
  type ScanReport,
} from '../../src/scan/scan-image.ts';
import { run } from './run.ts';

const POISON = new Uint8Array(1024 * 1024).fill(0xa5);

/** Scans a file as the program does, without its checks of the running system. */
export async function scanFileForTest(
  file: string,
  options: ScanImageOptions = {},
): Promise<ScanReport> {
  const reader = new FileReader(file);
  try {
    return decideMapping(await surveyImage(reader, options));
  } finally {
    reader.close();
  }
}

/** Makes `copy` equal to `image`, but for every byte outside of `mapped`, which becomes 0xA5. */
export function makePoisonedCopy(image: string, mapped: RangeSet, copy: string): void {
  run('cp', ['--sparse=always', image, copy]);
  const reader = new FileReader(image);
  const { sizeBytes } = reader;
  reader.close();
  const target = openSync(copy, 'r+');
  try {
    for (const { startByte, endByte } of mapped.complementWithin(0, sizeBytes)) {
      for (let at = startByte; at < endByte; at += POISON.length) {
        writeSync(target, POISON, 0, Math.min(POISON.length, endByte - at), at);
      }
    }
    fsyncSync(target);
  } finally {
    closeSync(target);
  }
}
