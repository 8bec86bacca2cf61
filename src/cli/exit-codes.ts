/** The one place that decides about exit codes. docs/exit-codes.md and `bmap help exit-codes` say the same in words. */
import { BmapError } from '../errors/errors.ts';

export const EXIT = {
  ok: 0,
  usage: 2,
  corrupt: 3,
  unsupported: 4,
  mismatch: 5,
  refused: 6,
  system: 7,
  losesData: 8,
  someTargetsFailed: 9,
  bug: 70,
  hungUp: 129,
  interrupted: 130,
  terminated: 143,
} as const;

const CODES: ReadonlyMap<string, number> = new Map([
  ['BMAP_USAGE', EXIT.usage],
  ['BMAP_CORRUPT', EXIT.corrupt],
  ['BMAP_UNSUPPORTED', EXIT.unsupported],
  ['BMAP_MISMATCH', EXIT.mismatch],
  ['BMAP_REFUSED', EXIT.refused],
  ['BMAP_SYSTEM', EXIT.system],
  ['BMAP_TARGETS', EXIT.someTargetsFailed],
  ['BMAP_INTERRUPTED', EXIT.interrupted],
]);

/** The exit code for an error of ours; 70 for anything else, which is a bug. */
export function exitCodeOf(error: unknown): number {
  return error instanceof BmapError ? (CODES.get(error.code) ?? EXIT.bug) : EXIT.bug;
}
