/** The values of options, from text. All failures are usage errors that repeat what was given. */
import { InvalidArgumentError } from 'commander';

import type { ByteRange } from '../ranges/byte-range.ts';

const UNITS: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['K', 1024],
  ['M', 1024 ** 2],
  ['G', 1024 ** 3],
  ['T', 1024 ** 4],
]);

/** `4096`, `64K`, `1M`, `2GiB`: powers of 1024. */
export function parseSize(text: string): number {
  const match = /^(\d+)([KMGT]?)(?:i?B)?$/i.exec(text.trim());
  const size = Number(match?.[1]) * (UNITS.get(match?.[2]?.toUpperCase() ?? '') ?? NaN);
  if (!Number.isSafeInteger(size)) {
    throw new InvalidArgumentError('Give bytes, or a number with K, M, G or T.');
  }
  return size;
}

/** `START-END`, end exclusive. Collects one range for each use of the option. */
export function collectRange(text: string, before: readonly ByteRange[]): readonly ByteRange[] {
  const [start, end, ...rest] = text.split('-');
  if (start === undefined || end === undefined || rest.length > 0) {
    throw new InvalidArgumentError('Give START-END, for example 1M-2M.');
  }
  const range = { startByte: parseSize(start), endByte: parseSize(end) };
  if (range.startByte >= range.endByte) {
    throw new InvalidArgumentError('The range must end behind its start; the end is exclusive.');
  }
  return [...before, range];
}

/** A partition number, from 1. Collects one for each use of the option. */
export function collectNumber(text: string, before: readonly number[]): readonly number[] {
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new InvalidArgumentError('Give a partition number.');
  return [...before, Number(text)];
}

/** How often something is to be done. */
export function parseCount(text: string): number {
  if (!/^\d{1,4}$/.test(text)) throw new InvalidArgumentError('Give a count.');
  return Number(text);
}

/** Collects one text for each use of the option. */
export function collectText(text: string, before: readonly string[]): readonly string[] {
  return [...before, text];
}
