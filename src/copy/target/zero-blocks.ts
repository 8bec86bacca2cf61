/** Finding blocks of zeros in what is written. */
import type { ByteRange } from '../../ranges/byte-range.ts';
import { alignDown, alignUp } from '../../ranges/byte-range.ts';

/** Runs below this cost more as a request of their own than as bytes. */
const MIN_RUN_BYTES = 64 * 1024;

/**
 * Where `bytes`, which lie at `startByte` of a device, hold runs of whole blocks of zeros, as positions
 * on the device.
 */
export function findZeroRuns(
  bytes: Uint8Array,
  startByte: number,
  blockBytes: number,
): readonly ByteRange[] {
  const runs: ByteRange[] = [];
  const firstByte = alignUp(startByte, blockBytes);
  const lastByte = alignDown(startByte + bytes.length, blockBytes);
  const zeros = Buffer.alloc(blockBytes);
  let runStart: number | undefined;
  const close = (endByte: number) => {
    if (runStart !== undefined && endByte - runStart >= MIN_RUN_BYTES) {
      runs.push({ startByte: runStart, endByte });
    }
    runStart = undefined;
  };
  for (let at = firstByte; at < lastByte; at += blockBytes) {
    const block = bytes.subarray(at - startByte, at - startByte + blockBytes);
    if (!zeros.equals(block)) close(at);
    else runStart ??= at;
  }
  close(lastByte);
  return runs;
}
