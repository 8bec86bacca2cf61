/**
 * Unpacks an image once into a temporary file, for those who must read it anywhere. The file loses its
 * name as soon as it is open, so the system frees it however the process ends. Blocks of zeros are left
 * to be holes: a sparse image takes the space that its data takes.
 */
import { randomUUID } from 'node:crypto';
import { closeSync, ftruncate, openSync, unlinkSync, write } from 'node:fs';
import { statfs } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

import { SystemError } from '../../errors/errors.ts';
import { FileReader } from '../../image/file-reader.ts';
import type { ImageSource } from './image-source.ts';

const writeAsync = promisify(write);
const ftruncateAsync = promisify(ftruncate);

/** The block of almost every filesystem: what it can leave out by itself. */
const BLOCK_BYTES = 4096;
const BUFFER_BYTES = 2 ** 20;
const ZEROS = Buffer.alloc(BLOCK_BYTES);

export interface SpoolOptions {
  /** Where the file is to lie, as the user may have named it in TMPDIR. */
  readonly folder: string;
  readonly signal: AbortSignal;
  /** `bytesTotal` is undefined if only the end of the image will tell. */
  readonly onProgress?: (bytesDone: number, bytesTotal: number | undefined) => void;
}

/**
 * The whole image, to be closed by the caller. Reads `source` to its end, but does not close it.
 * @throws {CorruptError} if the image is damaged or cut.
 * @throws {SystemError} if it cannot be read, or the folder has no room for it.
 * @throws the signal's reason if it was aborted.
 */
export async function spoolImage(source: ImageSource, options: SpoolOptions): Promise<FileReader> {
  const { folder } = options;
  await assertRoom(source, folder);
  const fileDescriptor = openUnnamed(source.name, folder);
  try {
    const file = new SparseWriter(fileDescriptor, (error) =>
      spoolError(error, source.name, folder),
    );
    for await (const piece of source.chunks(options.signal)) {
      options.signal.throwIfAborted();
      await file.add(piece);
      options.onProgress?.(file.sizeBytes, source.sizeBytes);
    }
    await file.finish();
  } catch (error) {
    closeSync(fileDescriptor);
    throw error;
  }
  return new FileReader(source.name, { fileDescriptor });
}

/** Better to hear of it now than after an hour of unpacking. */
async function assertRoom({ name, sizeBytes }: ImageSource, folder: string): Promise<void> {
  if (sizeBytes === undefined) return;
  const { bavail, bsize } = await statfs(folder).catch((error: unknown) => {
    throw spoolError(error, name, folder);
  });
  if (bavail * bsize >= sizeBytes) return;
  const problem = `unpacking ${name} may take ${sizeBytes} bytes, and ${bavail * bsize} are free here; name a folder with more room in TMPDIR`;
  throw new SystemError('ENOSPC', folder, problem);
}

function openUnnamed(name: string, folder: string): number {
  const file = path.join(folder, `bmap-${randomUUID()}`);
  try {
    const fileDescriptor = openSync(file, 'wx+', 0o600);
    unlinkSync(file);
    return fileDescriptor;
  } catch (error) {
    throw spoolError(error, name, folder);
  }
}

function spoolError(error: unknown, name: string, folder: string): SystemError {
  const { kind, message } = SystemError.from(error, undefined);
  const problem = `cannot unpack ${name} here: ${message}; name another folder in TMPDIR`;
  return new SystemError(kind, folder, problem, { cause: error });
}

/** Writes from front to back, and leaves out blocks of zeros. */
class SparseWriter {
  readonly #fileDescriptor: number;
  readonly #describe: (error: unknown) => SystemError;
  /** Starts at a whole block of the file. */
  readonly #buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  #bufferedBytes = 0;
  #bufferStartByte = 0;

  constructor(fileDescriptor: number, describe: (error: unknown) => SystemError) {
    this.#fileDescriptor = fileDescriptor;
    this.#describe = describe;
  }

  /** Of all that was added. */
  get sizeBytes(): number {
    return this.#bufferStartByte + this.#bufferedBytes;
  }

  async add(piece: Uint8Array): Promise<void> {
    let taken = 0;
    while (taken < piece.length) {
      const count = Math.min(piece.length - taken, BUFFER_BYTES - this.#bufferedBytes);
      this.#buffer.set(piece.subarray(taken, taken + count), this.#bufferedBytes);
      this.#bufferedBytes += count;
      taken += count;
      if (this.#bufferedBytes === BUFFER_BYTES) await this.#flush();
    }
  }

  async finish(): Promise<void> {
    await this.#flush();
    // Zeros at the end have not been written.
    await this.#attempt(async () => ftruncateAsync(this.#fileDescriptor, this.sizeBytes));
  }

  async #flush(): Promise<void> {
    const lengthBytes = this.#bufferedBytes;
    for (let start = 0; start < lengthBytes;) {
      let end = start;
      while (end < lengthBytes && !this.#isZeroBlock(end)) {
        end = Math.min(end + BLOCK_BYTES, lengthBytes);
      }
      if (end > start) await this.#write(start, end);
      start = end + BLOCK_BYTES;
    }
    this.#bufferStartByte += lengthBytes;
    this.#bufferedBytes = 0;
  }

  #isZeroBlock(start: number): boolean {
    const block = this.#buffer.subarray(start, Math.min(start + BLOCK_BYTES, this.#bufferedBytes));
    return block.equals(ZEROS.subarray(0, block.length));
  }

  async #write(start: number, end: number): Promise<void> {
    await this.#attempt(async () => {
      for (let at = start; at < end;) {
        const position = this.#bufferStartByte + at;
        const { bytesWritten } = await writeAsync(
          this.#fileDescriptor,
          this.#buffer,
          at,
          end - at,
          position,
        );
        at += bytesWritten;
      }
    });
  }

  async #attempt(action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      throw this.#describe(error);
    }
  }
}
