/** The two system calls that put bytes on a target; tests bring failing ones. */
import { fsync, write } from 'node:fs';
import { promisify } from 'node:util';

import { SystemError } from '../../errors/errors.ts';

export interface TargetIo {
  /** Writes some of the bytes and returns how many. Position null is where the last write ended. */
  write(
    fileDescriptor: number,
    bytes: Uint8Array,
    startByte: number | null,
  ): Promise<{ readonly bytesWritten: number }>;
  /** Returns when everything written is on the medium. */
  flush(fileDescriptor: number): Promise<void>;
}

const writeAt = promisify(write);

export const SYSTEM_IO: TargetIo = {
  async write(fileDescriptor, bytes, startByte) {
    return writeAt(fileDescriptor, bytes, 0, bytes.length, startByte);
  },
  flush: promisify(fsync),
};

/** An open target, and its name for messages. */
export interface OpenTarget {
  readonly fileDescriptor: number;
  readonly path: string;
}

/** Writes all of the bytes. @throws {SystemError} that names the place. */
export async function writeFully(
  io: TargetIo,
  { fileDescriptor, path }: OpenTarget,
  bytes: Uint8Array,
  startByte: number,
  isSeekable = true,
): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const position = startByte + done;
    let count: number;
    try {
      const rest = bytes.subarray(done);
      ({ bytesWritten: count } = await io.write(
        fileDescriptor,
        rest,
        isSeekable ? position : null,
      ));
    } catch (error) {
      const { kind, message } = SystemError.from(error, undefined);
      const problem = `cannot write at byte ${position}: ${message}`;
      throw new SystemError(kind, path, problem, { cause: error });
    }
    if (count === 0) {
      throw new SystemError('short-write', path, `takes no more bytes at byte ${position}`);
    }
    done += count;
  }
}

/** @throws {SystemError} if the medium did not take everything. */
export async function flushTarget(
  io: TargetIo,
  { fileDescriptor, path }: OpenTarget,
): Promise<void> {
  try {
    await io.flush(fileDescriptor);
  } catch (error) {
    const { kind, message } = SystemError.from(error, undefined);
    throw new SystemError(kind, path, `cannot synchronize '${path}': ${message}`, { cause: error });
  }
}
