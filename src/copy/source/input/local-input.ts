/** Regular files, block devices, and whatever else a path leads to. */
import { close, constants, createReadStream, fstat, open, read, stat } from 'node:fs';
import { Socket } from 'node:net';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';

import { SystemError } from '../../../errors/errors.ts';
import { readDeviceSize } from '../../../host/image-users.ts';
import type { ByteRange } from '../../../ranges/byte-range.ts';
import type { ByteInput, InputContext } from '../byte-input.ts';
import { StreamInput } from './stream-input.ts';

// Plain descriptors: others read from them and own them, too, which the handles of fs/promises forbid.
const openAsync = promisify(open);
const statAsync = promisify(stat);
const statOpenAsync = promisify(fstat);
const readAsync = promisify(read);
const closeAsync = promisify(close);

const PIECE_BYTES = 2 ** 20;

/** @throws {SystemError} with the errno name. */
export async function openLocalInput(file: string, { signal }: InputContext): Promise<ByteInput> {
  let fileDescriptor: number | undefined;
  try {
    // Opening a pipe would wait for its writer on a thread, out of reach of any signal.
    const isPipe = (await statAsync(file)).isFIFO();
    const flags = constants.O_RDONLY | (isPipe ? constants.O_NONBLOCK : 0);
    fileDescriptor = await openAsync(file, flags);
    const stats = await statOpenAsync(fileDescriptor);
    if (stats.isDirectory()) throw SystemError.from({ code: 'EISDIR' }, file);
    const isBlockDevice = stats.isBlockDevice();
    if (stats.isFile() || isBlockDevice) {
      const sizeBytes = isBlockDevice ? readDeviceSize(file) : stats.size;
      return new LocalInput({ fileDescriptor, file, sizeBytes, isBlockDevice, signal });
    }
    const stream = openStream(fileDescriptor, isPipe);
    return new StreamInput(stream, { name: file, fileName: path.basename(file), signal });
  } catch (error) {
    if (fileDescriptor !== undefined) await closeAsync(fileDescriptor);
    throw SystemError.from(error, file);
  }
}

function openStream(fileDescriptor: number, isPipe: boolean): Readable {
  // A socket waits for the first writer, and for every byte, without occupying a thread.
  return isPipe
    ? new Socket({ fd: fileDescriptor, readable: true, writable: false })
    : createReadStream('', { fd: fileDescriptor, highWaterMark: PIECE_BYTES });
}

interface OpenedFile {
  readonly fileDescriptor: number;
  readonly file: string;
  readonly sizeBytes: number;
  readonly isBlockDevice: boolean;
  readonly signal: AbortSignal;
}

class LocalInput implements ByteInput {
  readonly name: string;
  readonly fileName: string;
  readonly sizeBytes: number;
  readonly fileDescriptor: number;
  readonly isBlockDevice: boolean;
  readonly #signal: AbortSignal;
  /** Closing a descriptor that is being read from could hand its number to another file. */
  #reading: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor({ fileDescriptor, file, sizeBytes, isBlockDevice, signal }: OpenedFile) {
    this.fileDescriptor = fileDescriptor;
    this.#signal = signal;
    this.name = file;
    this.fileName = path.basename(file);
    this.sizeBytes = sizeBytes;
    this.isBlockDevice = isBlockDevice;
  }

  async *pieces(range?: ByteRange): AsyncGenerator<Uint8Array> {
    let startByte = range?.startByte ?? 0;
    const endByte = range?.endByte ?? this.sizeBytes;
    while (startByte < endByte) {
      const piece = await this.#read(startByte, endByte);
      startByte += piece.length;
      yield piece;
    }
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#reading;
    await closeAsync(this.fileDescriptor);
  }

  async #read(startByte: number, endByte: number): Promise<Uint8Array> {
    this.#signal.throwIfAborted();
    if (this.#isClosed) throw new RangeError(`${this.name}: read after close`);
    const buffer = Buffer.allocUnsafeSlow(Math.min(PIECE_BYTES, endByte - startByte));
    const reading = readAsync(this.fileDescriptor, buffer, 0, buffer.length, startByte);
    this.#reading = reading.catch(() => {});
    const { bytesRead } = await reading.catch((error: unknown) => {
      throw SystemError.from(error, this.name);
    });
    if (bytesRead > 0) return buffer.subarray(0, bytesRead);
    const problem = `ends at byte ${startByte}, but had ${this.sizeBytes} bytes when it was opened; was it cut while it was read?`;
    throw new SystemError('short-read', this.name, problem);
  }
}
