/**
 * Where the map of an image, and the signature of a map, are looked for when nobody names them: beside
 * the image, in the order that bmaptool has.
 */
import path from 'node:path';

import { isUrl } from './source/location.ts';

/** `disk.img.gz`: `disk.img.gz.bmap`, `disk.img.bmap`, `disk.bmap`. A query string stays in its place. */
export function listMapCandidates(image: string): readonly string[] {
  const { filePath, rebuild } = splitLocation(image);
  const candidates: string[] = [];
  let stem = filePath;
  for (;;) {
    candidates.push(rebuild(`${stem}.bmap`));
    const extension = splitExtension(stem);
    if (extension === '') return candidates;
    stem = stem.slice(0, -extension.length);
  }
}

/** `disk.bmap`: `disk.bmap.asc`, `disk.bmap.sig`. */
export function listSignatureCandidates(map: string): readonly string[] {
  const { filePath, rebuild } = splitLocation(map);
  return ['.asc', '.sig'].map((extension) => rebuild(`${filePath}${extension}`));
}

/** The last part of a path or of an address's path, for messages. */
export function baseName(location: string): string {
  return path.posix.basename(splitLocation(location).filePath);
}

/** Addresses are taken apart by hand: a URL object would change how they are written. */
function splitLocation(location: string): {
  filePath: string;
  rebuild: (filePath: string) => string;
} {
  if (!isUrl(location)) return { filePath: location, rebuild: (filePath) => filePath };
  const end = location.search(/[?#]/);
  const filePath = end === -1 ? location : location.slice(0, end);
  const rest = end === -1 ? '' : location.slice(end);
  return { filePath, rebuild: (changed) => `${changed}${rest}` };
}

/** As Python has it: `.gz` of `a.gz`, nothing of `.profile`, `..rc` or `a.d/b`, `.` of `a.`. */
function splitExtension(filePath: string): string {
  const name = filePath.slice(filePath.lastIndexOf('/') + 1);
  const leadingDots = /^\.*/.exec(name)![0].length;
  const dot = name.lastIndexOf('.');
  return dot < leadingDots ? '' : name.slice(dot);
}
