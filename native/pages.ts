/** Memory that starts where a page does: devices take nothing else past the cache. */
import { SystemError } from '../src/errors/errors.ts';
import { loadKoffi } from './libc.ts';

/** No device asks for more. */
export const PAGE_BYTES = 4096;

/** Where in the memory that was made here the first page starts. */
const firstPages = new WeakMap<ArrayBufferLike, number>();

/** Zeroed, and threads can share it. Where koffi is missing it starts anywhere. */
export function allocatePages(sizeBytes: number): Uint8Array {
  const memory = new Uint8Array(new SharedArrayBuffer(sizeBytes + PAGE_BYTES));
  const address = addressOf(memory);
  if (address === undefined) return memory.subarray(0, sizeBytes);
  const skipBytes = Number(-address & BigInt(PAGE_BYTES - 1));
  firstPages.set(memory.buffer, skipBytes);
  return memory.subarray(skipBytes, skipBytes + sizeBytes);
}

function addressOf(bytes: Uint8Array): bigint | undefined {
  try {
    return loadKoffi().address(bytes);
  } catch (error) {
    if (error instanceof SystemError && error.kind === 'no-native') return undefined;
    throw error;
  }
}

/** Whether it starts at a page; false if that is not known. */
export function startsAtPage({ buffer, byteOffset }: Uint8Array): boolean {
  const firstByte = firstPages.get(buffer);
  return firstByte !== undefined && (byteOffset - firstByte) % PAGE_BYTES === 0;
}
