/**
 * A regular file. It gets the size of the image, and a hole wherever nothing was written: what was in it
 * before does not survive. Until the first byte is written it is neither made nor cut.
 */
import { constants, fstatSync, type Stats } from 'node:fs';
import { access, open, type FileHandle } from 'node:fs/promises';
import path from 'node:path';

import { dropCachedPages } from '../../../native/page-cache.ts';
import { RefusedError, SystemError } from '../../errors/errors.ts';
import type { CompleteOptions, CopyTarget } from './copy-target.ts';
import type { Part, TargetIo } from './target-io.ts';
import { flushTarget, writeParts, type OpenTarget } from './write-target.ts';

const { O_RDWR, O_CREAT, O_EXCL } = constants;

export interface FileTargetOptions {
  readonly io: TargetIo;
  /** False where all writes are to go through `io`, in order. */
  readonly takesThreads: boolean;
}

export class FileTarget implements CopyTarget {
  readonly path: string;
  readonly wantsPages = false;
  readonly openForThreads: (() => Promise<OpenTarget>) | undefined;
  readonly #found: Stats | undefined;
  readonly #io: TargetIo;
  #handle: FileHandle | undefined;
  #hasBegun = false;

  /** `found` are the facts of the file that was checked, or undefined if there was none. */
  constructor(filePath: string, found: Stats | undefined, { io, takesThreads }: FileTargetOptions) {
    this.path = filePath;
    this.openForThreads = takesThreads ? async () => this.#begin() : undefined;
    this.#found = found;
    this.#io = io;
  }

  /** It is changed by being made or emptied. */
  get mayHaveChanged(): boolean {
    return this.#hasBegun;
  }

  async claim(): Promise<void> {
    try {
      if (this.#found === undefined) await access(path.dirname(this.path), constants.W_OK);
      else await access(this.path, constants.W_OK);
    } catch (error) {
      throw SystemError.from(error, this.path);
    }
  }

  async write(parts: readonly Part[]): Promise<void> {
    await writeParts(this.#io, await this.#begin(), parts);
  }

  async complete({ endByte }: CompleteOptions): Promise<void> {
    await this.#begin();
    try {
      await this.#handle?.truncate(endByte);
    } catch (error) {
      throw SystemError.from(error, this.path);
    }
  }

  async flush(): Promise<void> {
    await flushTarget(this.#io, await this.#begin());
  }

  async openForCheck(): Promise<number> {
    await this.flush();
    const file = await this.#begin();
    dropCachedPages(file);
    return file.fileDescriptor;
  }

  async close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
  }

  /** Makes or empties the file, once. */
  async #begin(): Promise<OpenTarget> {
    if (this.#handle === undefined) {
      try {
        const making = this.#found === undefined ? O_CREAT | O_EXCL : 0;
        this.#handle = await open(this.path, O_RDWR | making, 0o666);
        this.#assertSame(fstatSync(this.#handle.fd));
        this.#hasBegun = true;
        await this.#handle.truncate(0);
      } catch (error) {
        throw error instanceof RefusedError ? error : SystemError.from(error, this.path);
      }
    }
    return { fileDescriptor: this.#handle.fd, path: this.path };
  }

  #assertSame({ dev, ino }: Stats): void {
    if (this.#found === undefined) return;
    if (dev === this.#found.dev && ino === this.#found.ino) return;
    const problem = `${this.path}: is not the file that was checked a moment ago; start again`;
    throw new RefusedError('target-changed', problem);
  }
}
