/**
 * Many small reads or writes of one open file, made one after the other by a thread. Through the
 * thread pool each of them would cost more to hand over than to make.
 */
import { readSync, writeSync } from 'node:fs';

import { toCallFailure, type CallFailure } from '../../errors/call-failure.ts';

export interface PartJob {
  readonly isWrite: boolean;
  readonly fileDescriptor: number;
  /** Shared memory: what is read goes here, what is written comes from here. */
  readonly memory: SharedArrayBuffer;
  /** Three numbers for each part: its place in the memory, its length, its place in the file. */
  readonly parts: Float64Array;
}

export type PartOutcome =
  | { readonly kind: 'done' }
  /** Nothing could be read or written at this byte of the file, and there was no error. */
  | { readonly kind: 'ended'; readonly atByte: number }
  | ({ readonly kind: 'failed'; readonly atByte: number } & CallFailure);

/** Makes all calls, until one fails. */
export function runPartJob({ isWrite, fileDescriptor, memory, parts }: PartJob): PartOutcome {
  for (let index = 0; index < parts.length; index += 3) {
    const bytes = new Uint8Array(memory, parts[index], parts[index + 1]);
    const outcome = movePart(isWrite, fileDescriptor, bytes, parts[index + 2]!);
    if (outcome.kind !== 'done') return outcome;
  }
  return { kind: 'done' };
}

/** Reads or writes all of the bytes, which lie at `startByte` of the file, in this thread. */
export function movePart(
  isWrite: boolean,
  fileDescriptor: number,
  bytes: Uint8Array,
  startByte: number,
): PartOutcome {
  let done = 0;
  while (done < bytes.length) {
    const atByte = startByte + done;
    let count: number;
    try {
      const lengthBytes = bytes.length - done;
      count = isWrite
        ? writeSync(fileDescriptor, bytes, done, lengthBytes, atByte)
        : readSync(fileDescriptor, bytes, done, lengthBytes, atByte);
    } catch (error) {
      return { kind: 'failed', atByte, ...toCallFailure(error) };
    }
    if (count === 0) return { kind: 'ended', atByte };
    done += count;
  }
  return { kind: 'done' };
}
