import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';

/** A generator with a seed, so that a failure can be repeated. Numerical Recipes' constants. */
export function makeRandom(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

export interface Piece {
  readonly startByte: number;
  readonly lengthBytes: number;
}

/** A sparse file with data in the pieces; the size need not be a multiple of anything. */
export function writeSparse(file: string, sizeBytes: number, pieces: readonly Piece[]): void {
  const handle = openSync(file, 'w');
  ftruncateSync(handle, sizeBytes);
  for (const { startByte, lengthBytes } of pieces) {
    const data = Buffer.alloc(Math.min(lengthBytes, sizeBytes - startByte), startByte % 251);
    writeSync(handle, data, 0, data.length, startByte);
  }
  closeSync(handle);
}

export function randomPieces(sizeBytes: number, count: number, random: (limit: number) => number) {
  return Array.from({ length: count }, () => ({
    startByte: random(sizeBytes),
    lengthBytes: 1 + random(random(4) === 0 ? 100_000 : 3000),
  }));
}

/** Fills a folder with images of all kinds and so many random ones. @returns their paths. */
export function writeImages(folder: string, randomCount: number, seed: number): readonly string[] {
  const random = makeRandom(seed);
  const images: [name: string, sizeBytes: number, pieces: readonly Piece[]][] = [
    ['one-byte', 1, [{ startByte: 0, lengthBytes: 1 }]],
    ['one-hole', 1, []],
    ['one-block', 4096, [{ startByte: 0, lengthBytes: 4096 }]],
    ['all-hole', 9 * 2 ** 20 + 13, []],
    ['all-data', 3 * 2 ** 20 + 1, [{ startByte: 0, lengthBytes: 2 ** 22 }]],
    ['data-at-end', 2 ** 22 + 700, [{ startByte: 2 ** 22 + 699, lengthBytes: 1 }]],
    ['hole-at-end', 2 ** 22 + 700, [{ startByte: 0, lengthBytes: 5000 }]],
    ['percent-half', 400 * 4096, [{ startByte: 8192, lengthBytes: 1 }]],
    ['size-half', 1280, [{ startByte: 0, lengthBytes: 1 }]],
    ['above-1-GiB', 2 ** 30 + 77, [{ startByte: 2 ** 29 + 5, lengthBytes: 1 }]],
  ];
  for (let number = 0; number < randomCount; number++) {
    const sizeBytes = 1 + random(2 ** 23);
    images.push([`random-${number}`, sizeBytes, randomPieces(sizeBytes, random(200), random)]);
  }
  return images.map(([name, sizeBytes, pieces]) => {
    const file = path.join(folder, `${name}.img`);
    writeSparse(file, sizeBytes, pieces);
    return file;
  });
}
