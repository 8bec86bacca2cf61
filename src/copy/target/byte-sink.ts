/** Where bytes go one after the other, without positions. */
import { constants, openSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import { SystemError } from '../../errors/errors.ts';
import type { TargetIo } from './target-io.ts';
import { writeFully } from './write-target.ts';

export interface ByteSink {
  open(): Promise<void>;
  /** Takes all of the bytes; `startByte` is how many came before, for messages. */
  write(bytes: Uint8Array, startByte: number): Promise<void>;
  /** Safe to call twice. */
  close(): Promise<void>;
}

export class CharacterDeviceSink implements ByteSink {
  readonly #path: string;
  readonly #io: TargetIo;
  #handle: FileHandle | undefined;

  constructor(path: string, io: TargetIo) {
    this.#path = path;
    this.#io = io;
  }

  async open(): Promise<void> {
    try {
      this.#handle = await open(this.#path, constants.O_WRONLY);
    } catch (error) {
      throw SystemError.from(error, this.#path);
    }
  }

  async write(bytes: Uint8Array, startByte: number): Promise<void> {
    if (this.#handle === undefined) throw new TypeError(`${this.#path} is not open`);
    const target = { fileDescriptor: this.#handle.fd, path: this.#path };
    await writeFully(this.#io, target, bytes, startByte, false);
  }

  async close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
  }
}

const RETRY_MS = 50;

/**
 * A pipe, never waited for inside of the kernel: a thread that hangs there, because nobody reads, would
 * keep the program from ending.
 */
export class PipeSink implements ByteSink {
  readonly #path: string;
  readonly #signal: AbortSignal;
  #socket: Socket | undefined;

  constructor(path: string, signal: AbortSignal) {
    this.#path = path;
    this.#signal = signal;
  }

  /** Waits for a reader. */
  async open(): Promise<void> {
    for (;;) {
      this.#signal.throwIfAborted();
      const fileDescriptor = this.#tryOpen();
      if (fileDescriptor !== undefined) {
        this.#socket = new Socket({ fd: fileDescriptor, readable: false, writable: true });
        // Failures are told to the write that they happen in.
        this.#socket.on('error', () => {});
        this.#signal.addEventListener('abort', () => this.#socket?.destroy(), { once: true });
        return;
      }
      await sleep(RETRY_MS, undefined, { signal: this.#signal });
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    const socket = this.#socket;
    if (socket === undefined) throw new TypeError(`${this.#path} is not open`);
    try {
      await new Promise<void>((resolve, reject) => {
        socket.write(bytes, (error) => (error ? reject(error) : resolve()));
      });
    } catch (error) {
      this.#signal.throwIfAborted();
      throw SystemError.from(error, this.#path);
    }
  }

  /** @returns undefined if nobody reads. */
  #tryOpen(): number | undefined {
    try {
      return openSync(this.#path, constants.O_WRONLY | constants.O_NONBLOCK);
    } catch (error) {
      const failure = SystemError.from(error, this.#path);
      if (failure.kind === 'ENXIO') return undefined;
      throw failure;
    }
  }

  async close(): Promise<void> {
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket === undefined || socket.closed) return;
    await new Promise<void>((resolve) => {
      socket.once('close', () => resolve());
      if (socket.destroyed || socket.errored) socket.destroy();
      else socket.end();
    });
  }
}
