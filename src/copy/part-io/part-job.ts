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
  const bytes = new Uint8Array(memory);
  for (let index = 0; index < parts.length; index += 3) {
    let offset = parts[index]!;
    const endOffset = offset + parts[index + 1]!;
    let atByte = parts[index + 2]!;
    while (offset < endOffset) {
      let count: number;
      try {
        const lengthBytes = endOffset - offset;
        count = isWrite
          ? writeSync(fileDescriptor, bytes, offset, lengthBytes, atByte)
          : readSync(fileDescriptor, bytes, offset, lengthBytes, atByte);
      } catch (error) {
        return { kind: 'failed', atByte, ...toCallFailure(error) };
      }
      if (count === 0) return { kind: 'ended', atByte };
      offset += count;
      atByte += count;
    }
  }
  return { kind: 'done' };
}
