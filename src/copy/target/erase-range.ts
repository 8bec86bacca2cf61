/** What a device can do with the bytes that the map leaves out: forget them, or make them zeros. */
import { discardRange, zeroRange } from '../../../native/block-device.ts';
import { alignDown, alignUp, type ByteRange } from '../../ranges/byte-range.ts';
import { StepPacer } from './step-pacer.ts';
import type { TargetIo } from './target-io.ts';
import { writeFully, type OpenTarget } from './write-target.ts';

export interface EraseContext {
  readonly io: TargetIo;
  readonly target: OpenTarget;
  /** The unit of requests. */
  readonly blockBytes: number;
  /** Aborting throws the signal's reason. */
  readonly signal: AbortSignal;
}

/** Only whole blocks: what is left at the edges is not worth a thought. */
export async function discard(
  { startByte, endByte }: ByteRange,
  context: EraseContext,
): Promise<void> {
  const { blockBytes, target } = context;
  const inner = {
    startByte: alignUp(startByte, blockBytes),
    endByte: alignDown(endByte, blockBytes),
  };
  await inSteps(inner, context, (from, to) => discardRange(target, from, to - from));
}

/** Edges that are no whole blocks are written. */
export async function zero(
  { startByte, endByte }: ByteRange,
  context: EraseContext,
): Promise<void> {
  const { io, target, blockBytes } = context;
  const firstByte = Math.min(alignUp(startByte, blockBytes), endByte);
  const lastByte = Math.max(alignDown(endByte, blockBytes), firstByte);
  const edge = new Uint8Array(blockBytes);
  await writeFully(io, target, edge.subarray(0, firstByte - startByte), startByte);
  const inner = { startByte: firstByte, endByte: lastByte };
  await inSteps(inner, context, (from, to) => zeroRange(target, from, to - from));
  await writeFully(io, target, edge.subarray(0, endByte - lastByte), lastByte);
}

/** In steps, since a request that was made cannot be interrupted. */
async function inSteps(
  { startByte, endByte }: ByteRange,
  { blockBytes, signal }: EraseContext,
  act: (from: number, to: number) => Promise<void>,
): Promise<void> {
  const pacer = new StepPacer();
  let from = startByte;
  while (from < endByte) {
    signal.throwIfAborted();
    const to = Math.min(from + alignDown(pacer.stepBytes, blockBytes), endByte);
    await pacer.measure(to - from, async () => act(from, to));
    from = to;
  }
}
