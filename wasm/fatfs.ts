/**
 * The second opinion on FAT: the npm package `fatfs` walks all files. Its limits: README.md in this
 * folder.
 */
import type { RangeSet } from '../src/ranges/range-set.ts';
import { askReaderThread, type Refusal, type VolumeRequest } from './reader-thread.ts';

export type UsedRangesAnswer = { readonly kind: 'used'; readonly used: RangeSet } | Refusal;

/**
 * The sectors that `fatfs` reads to list every directory and read every file, in bytes of the volume;
 * or why it was not asked, or gave no answer. Never rejects and never writes.
 */
export async function findUsedRangesWithFatfs(request: VolumeRequest): Promise<UsedRangesAnswer> {
  const answer = await askReaderThread(new URL('./fatfs-worker.js', import.meta.url), request);
  return answer.kind === 'refused' ? answer : { kind: 'used', used: answer.ranges };
}
