/**
 * What can only be written from its start on: pipes and character devices. They get the whole image,
 * zeros where the map leaves something out, since a reader at the other end sees no positions.
 */
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';

import { SystemError } from '../../errors/errors.ts';
import type { CompleteOptions, CopyTarget } from './copy-target.ts';
import { writeFully, type TargetIo } from './target-io.ts';

const ZEROS = new Uint8Array(2 ** 20);

export class StreamTarget implements CopyTarget {
  readonly path: string;
  /** `/dev/null` and its like take everything anywhere: there is nothing to fill. */
  readonly #forgetsAll: boolean;
  readonly #io: TargetIo;
  #handle: FileHandle | undefined;
  #positionByte = 0;

  constructor(path: string, forgetsAll: boolean, io: TargetIo) {
    this.path = path;
    this.#forgetsAll = forgetsAll;
    this.#io = io;
  }

  /** Opening a named pipe waits for its reader. */
  async claim(): Promise<void> {
    try {
      this.#handle = await open(this.path, constants.O_WRONLY);
    } catch (error) {
      throw SystemError.from(error, this.path);
    }
  }

  async writeAt(bytes: Uint8Array, startByte: number): Promise<void> {
    await this.#fillTo(startByte);
    await this.#write(bytes);
  }

  async complete({ endByte, signal }: CompleteOptions): Promise<void> {
    await this.#fillTo(endByte, signal);
  }

  /** Neither pipes nor character devices keep anything back. */
  async flush(): Promise<void> {}

  async openForCheck(): Promise<undefined> {
    return undefined;
  }

  async close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
  }

  async #fillTo(startByte: number, signal?: AbortSignal): Promise<void> {
    if (this.#forgetsAll) return;
    while (this.#positionByte < startByte) {
      signal?.throwIfAborted();
      const lengthBytes = Math.min(ZEROS.length, startByte - this.#positionByte);
      await this.#write(ZEROS.subarray(0, lengthBytes));
    }
  }

  async #write(bytes: Uint8Array): Promise<void> {
    if (this.#handle === undefined) throw new TypeError(`${this.path} is not open`);
    const target = { fileDescriptor: this.#handle.fd, path: this.path };
    await writeFully(this.#io, target, bytes, this.#positionByte, false);
    this.#positionByte += bytes.length;
  }
}
