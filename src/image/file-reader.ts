import { closeSync, fstatSync, openSync, readSync, type BigIntStats } from 'node:fs';

import { SystemError } from '../errors/errors.ts';
import { assertInside, type ImageReader, type ReadCost } from './image-reader.ts';

/** The unit of the cache. Small, so that scattered bitmaps cost what they are and no more. */
const PAGE_BYTES = 4096;
/** 8 MiB of pages: superblocks, descriptors and the upper levels of any tree stay at hand. */
const MAX_PAGES = 2048;
/** Reads from this size on go past the cache: bitmaps and FATs are read once, in large pieces. */
const UNCACHED_BYTES = 16 * PAGE_BYTES;

export interface OpenOptions {
  /**
   * The size of a block device, which `stat` does not tell; ask the host for it. Left out for
   * regular files.
   */
  readonly deviceSizeBytes?: number;
  /**
   * The file, open for reading already; from here on it is the reader's to close. The path is then
   * only a name for messages.
   */
  readonly fileDescriptor?: number;
}

/**
 * A regular file or block device, opened read-only. Holds at most 8 MiB of it in memory.
 * Uses only `open`, `fstat` and positional `read`, so it runs on every system that Node runs on.
 */
export class FileReader implements ImageReader {
  readonly path: string;
  readonly sizeBytes: number;
  readonly fileDescriptor: number;
  /** Where the same file can be opened once more, as long as this reader is open. */
  readonly reopenPath: string;
  readonly #opened: BigIntStats;
  /** Least recently used first: a page that is used again is put in anew. */
  readonly #pages = new Map<number, Uint8Array>();
  #bytesRead = 0;
  #reads = 0;

  /** @throws {SystemError} with the errno name as kind, or `not-an-image` for anything but files and block devices. */
  constructor(path: string, options: OpenOptions = {}) {
    this.path = path;
    try {
      this.fileDescriptor = options.fileDescriptor ?? openSync(path, 'r');
    } catch (error) {
      throw SystemError.from(error, path);
    }
    this.reopenPath =
      options.fileDescriptor === undefined ? path : `/dev/fd/${this.fileDescriptor}`;
    try {
      this.#opened = fstatSync(this.fileDescriptor, { bigint: true });
      this.sizeBytes = this.#findSize(options);
    } catch (error) {
      closeSync(this.fileDescriptor);
      throw SystemError.from(error, path);
    }
  }

  get cost(): ReadCost {
    return { bytesRead: this.#bytesRead, reads: this.#reads };
  }

  readAt(startByte: number, lengthBytes: number): Uint8Array {
    assertInside(this.sizeBytes, startByte, lengthBytes);
    const result = new Uint8Array(lengthBytes);
    if (lengthBytes >= UNCACHED_BYTES) this.#readExactly(result, startByte);
    else if (lengthBytes > 0) this.#readThroughPages(result, startByte);
    return result;
  }

  /**
   * Says nothing about block devices, whose modification time does not follow writes.
   * @throws {SystemError} kind `image-changed` if size or modification time are not what they were.
   */
  assertUnchanged(): void {
    if (!this.#opened.isFile()) return;
    const now = fstatSync(this.fileDescriptor, { bigint: true });
    if (now.size === this.#opened.size && now.mtimeNs === this.#opened.mtimeNs) return;
    throw new SystemError(
      'image-changed',
      this.path,
      'was changed by another program while it was read; end that program, and start again',
    );
  }

  close(): void {
    closeSync(this.fileDescriptor);
  }

  #findSize(options: OpenOptions): number {
    if (this.#opened.isFile()) return Number(this.#opened.size);
    if (this.#opened.isDirectory())
      throw new SystemError('EISDIR', this.path, 'is a directory, not an image');
    if (!this.#opened.isBlockDevice()) {
      throw new SystemError(
        'not-an-image',
        this.path,
        'is neither a regular file nor a block device, so no image',
      );
    }
    if (options.deviceSizeBytes === undefined) {
      throw new SystemError(
        'no-device-size',
        this.path,
        'the size of this block device is not known; is /sys mounted?',
      );
    }
    return options.deviceSizeBytes;
  }

  #readThroughPages(result: Uint8Array, startByte: number): void {
    const firstPage = Math.floor(startByte / PAGE_BYTES);
    const endPage = Math.ceil((startByte + result.length) / PAGE_BYTES);
    this.#fillPages(firstPage, endPage);
    for (let page = firstPage; page < endPage; page++) {
      const pageStart = page * PAGE_BYTES;
      const bytes = this.#pages.get(page)!;
      const from = Math.max(startByte - pageStart, 0);
      const to = Math.min(startByte + result.length - pageStart, bytes.length);
      result.set(bytes.subarray(from, to), pageStart + from - startByte);
    }
  }

  /** Makes all pages of the range present; neighbours that are missing come with one read. */
  #fillPages(firstPage: number, endPage: number): void {
    for (let page = firstPage; page < endPage; page++) {
      const known = this.#pages.get(page);
      if (known !== undefined) {
        this.#pages.delete(page);
        this.#pages.set(page, known);
        continue;
      }
      let missingEnd = page + 1;
      while (missingEnd < endPage && !this.#pages.has(missingEnd)) missingEnd++;
      this.#loadPages(page, missingEnd);
      page = missingEnd - 1;
    }
    // A request is far smaller than the cache, so its own pages are never among the oldest.
    for (const page of this.#pages.keys()) {
      if (this.#pages.size <= MAX_PAGES) break;
      this.#pages.delete(page);
    }
  }

  #loadPages(firstPage: number, endPage: number): void {
    const startByte = firstPage * PAGE_BYTES;
    const bytes = new Uint8Array(Math.min(endPage * PAGE_BYTES, this.sizeBytes) - startByte);
    this.#readExactly(bytes, startByte);
    for (let page = firstPage; page < endPage; page++) {
      const from = (page - firstPage) * PAGE_BYTES;
      // A copy: a view would keep the whole read alive as long as one page of it is cached.
      this.#pages.set(page, bytes.slice(from, from + PAGE_BYTES));
    }
  }

  #readExactly(target: Uint8Array, startByte: number): void {
    let done = 0;
    while (done < target.length) {
      const count = this.#readOnce(target, done, startByte + done);
      if (count === 0) {
        throw new SystemError(
          'short-read',
          this.path,
          `ends at byte ${startByte + done}, but has ${this.sizeBytes} bytes; was it cut while it was read?`,
        );
      }
      done += count;
      this.#bytesRead += count;
      this.#reads++;
    }
  }

  #readOnce(target: Uint8Array, offset: number, startByte: number): number {
    try {
      return readSync(this.fileDescriptor, target, offset, target.length - offset, startByte);
    } catch (error) {
      throw SystemError.from(error, this.path);
    }
  }
}
