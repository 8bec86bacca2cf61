/**
 * The second opinion on ext2, ext3 and ext4: e2fsprogs, as the npm package `ext2fs` brings it in
 * WebAssembly. Its limits: README.md in this folder.
 */
import type { RangeSet } from '../src/ranges/range-set.ts';
import { askReaderThread, type Refusal, type VolumeRequest } from './reader-thread.ts';

export type FreeRangesAnswer = { readonly kind: 'free'; readonly free: RangeSet } | Refusal;

/**
 * The blocks that e2fsprogs finds free in a clean filesystem, in bytes of the volume; or why it was
 * not asked, or gave no answer. Never rejects and never writes.
 */
export async function findFreeRangesWithE2fsprogs(
  request: VolumeRequest,
): Promise<FreeRangesAnswer> {
  const answer = await askReaderThread(new URL('./e2fsprogs-worker.js', import.meta.url), request);
  return answer.kind === 'refused' ? answer : { kind: 'free', free: answer.ranges };
}
