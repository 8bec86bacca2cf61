/**
 * A disk or partition. It is held exclusively while it is written to: Linux then refuses to mount it or
 * any partition of it, and O_EXCL fails if any is mounted. Source: Linux `block/bdev.c`.
 */
import { constants, fstatSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';

import { flushBuffers, rereadPartitionTable, zeroRange } from '../../../native/block-device.ts';
import { dropCachedPages } from '../../../native/page-cache.ts';
import { PAGE_BYTES, startsAtPage } from '../../../native/pages.ts';
import { RefusedError, SystemError } from '../../errors/errors.ts';
import type { DeviceFacts } from '../../host/device-facts.ts';
import { formatDeviceNumber } from '../../host/host-files.ts';
import type { CompleteOptions, CopyTarget } from './copy-target.ts';
import { discard, zero } from './erase-range.ts';
import { StepPacer } from './step-pacer.ts';
import type { Part, TargetIo } from './target-io.ts';
import { flushTarget, writeParts, type OpenTarget } from './write-target.ts';
import { findZeroRuns } from './zero-blocks.ts';

export interface BlockDeviceOptions {
  readonly io: TargetIo;
  /** Write past the cache. Else it gathers small writes, and hands many to the device at once. */
  readonly pastCache: boolean;
  /** Have the device make zeros where the image has blocks of zeros. */
  readonly offloadZeros: boolean;
  /** Claim it without the means to write. */
  readonly isDryRun: boolean;
  /** Leave out what lies behind the device's end, instead of failing there. */
  readonly cutsAtEnd: boolean;
}

export class BlockDeviceTarget implements CopyTarget {
  readonly path: string;
  readonly wantsPages: boolean;
  /** Devices like what comes in order. */
  readonly openForThreads = undefined;
  readonly #facts: DeviceFacts;
  readonly #options: BlockDeviceOptions;
  readonly #flushPacer = new StepPacer();
  #handle: FileHandle | undefined;
  /** For writes past the cache, which else would copy every byte and be full of what nobody reads. */
  #direct: FileHandle | undefined;
  /** Of those in the cache. */
  #unflushedBytes = 0;
  #mayHaveChanged = false;

  constructor(path: string, facts: DeviceFacts, options: BlockDeviceOptions) {
    this.path = path;
    this.#facts = facts;
    this.#options = options;
    this.wantsPages = options.pastCache;
  }

  get mayHaveChanged(): boolean {
    return this.#mayHaveChanged;
  }

  async claim(): Promise<void> {
    const access = this.#options.isDryRun ? constants.O_RDONLY : constants.O_RDWR;
    try {
      this.#handle = await open(this.path, access | constants.O_EXCL);
    } catch (error) {
      const { kind, message } = SystemError.from(error, undefined);
      const problem = `cannot open block device '${this.path}' in exclusive mode: ${message}`;
      if (kind === 'EBUSY') {
        throw new RefusedError('in-use', `${problem}; it is mounted or used by another program`);
      }
      throw new SystemError(kind, undefined, problem, { cause: error });
    }
    this.#assertSame(this.#handle);
    if (this.#options.pastCache && !this.#options.isDryRun) await this.#openDirect();
  }

  #assertSame({ fd }: FileHandle): void {
    const { rdev } = fstatSync(fd);
    if (formatDeviceNumber(rdev) === this.#facts.number) return;
    const problem = `${this.path}: is not the device that was checked a moment ago; was it replugged? Start again`;
    throw new RefusedError('target-changed', problem);
  }

  /** The claim on the device is the process's, so that it may be opened again. */
  async #openDirect(): Promise<void> {
    try {
      this.#direct = await this.#options.io.openDirect?.(this.path);
    } catch (error) {
      const failure = SystemError.from(error, this.path);
      if (failure.kind !== 'EINVAL') throw failure;
      return; // There are no writes past the cache of this device.
    }
    if (this.#direct !== undefined) this.#assertSame(this.#direct);
  }

  async write(all: readonly Part[]): Promise<void> {
    this.#mayHaveChanged = true;
    const parts = this.#options.cutsAtEnd ? all.map((part) => this.#cutAtEnd(part)) : all;
    if (this.#options.offloadZeros && this.#facts.writeZeroesMaxBytes > 0) {
      for (const part of parts) await this.#writeOrZero(part);
    } else {
      await this.#writeParts(parts);
    }
    if (this.#unflushedBytes >= this.#flushPacer.stepBytes) await this.flush();
  }

  async complete({ unmapped, policy, signal }: CompleteOptions): Promise<void> {
    if (policy === 'skip') return;
    for (const { startByte, endByte } of unmapped) {
      const range = { startByte, endByte: Math.min(endByte, this.#facts.sizeBytes) };
      if (range.startByte >= range.endByte) return;
      this.#mayHaveChanged = true;
      const context = { io: this.#options.io, target: this.#open, signal };
      if (policy === 'zero') await zero(range, { ...context, blockBytes: this.#blockBytes });
      else await discard(range, { ...context, blockBytes: this.#facts.sectorBytes });
    }
  }

  async flush(): Promise<void> {
    const bytes = this.#unflushedBytes;
    this.#unflushedBytes = 0;
    await this.#flushPacer.measure(bytes, async () => flushTarget(this.#options.io, this.#open));
  }

  async openForCheck(): Promise<number> {
    await this.flush();
    dropCachedPages(this.#open);
    await this.#flushBuffers();
    return this.#open.fileDescriptor;
  }

  /** @throws {SystemError} `EBUSY` if a partition is in use, `EINVAL` for what has no partitions. */
  async rereadPartitionTable(): Promise<void> {
    await rereadPartitionTable(this.#open);
  }

  async close(): Promise<void> {
    const [direct, handle] = [this.#direct, this.#handle];
    this.#direct = undefined;
    this.#handle = undefined;
    await direct?.close();
    await handle?.close();
  }

  /** Those who may write to a device are not always allowed this; dropping its pages does the same. */
  async #flushBuffers(): Promise<void> {
    try {
      await flushBuffers(this.#open);
    } catch (error) {
      if (!(error instanceof SystemError && error.kind === 'EACCES')) throw error;
    }
  }

  get #open(): OpenTarget {
    if (this.#handle === undefined) throw new TypeError(`${this.path} is not open`);
    return { fileDescriptor: this.#handle.fd, path: this.path };
  }

  /** Never below the page size: the cache of a device is kept in pages. */
  get #blockBytes(): number {
    return Math.max(this.#facts.sectorBytes, PAGE_BYTES);
  }

  #cutAtEnd({ bytes, startByte }: Part): Part {
    const room = Math.max(this.#facts.sizeBytes - startByte, 0);
    return { bytes: bytes.subarray(0, room), startByte };
  }

  /** Has the device make the runs of zeros. */
  async #writeOrZero({ bytes, startByte }: Part): Promise<void> {
    const sub = (from: number, to: number): Part => ({
      bytes: bytes.subarray(from - startByte, to - startByte),
      startByte: from,
    });
    let writtenTo = startByte;
    for (const run of findZeroRuns(bytes, startByte, this.#blockBytes)) {
      await this.#writeParts([sub(writtenTo, run.startByte)]);
      await zeroRange(this.#open, run.startByte, run.endByte - run.startByte);
      writtenTo = run.endByte;
    }
    await this.#writeParts([sub(writtenTo, startByte + bytes.length)]);
  }

  async #writeParts(parts: readonly Part[]): Promise<void> {
    if (this.#direct === undefined) {
      await this.#writeCached(parts);
      return;
    }
    for (const part of parts) {
      const isWritten = this.#fitsDirect(part) && (await this.#tryDirect(part));
      if (!isWritten) await this.#writeCached([part]);
    }
  }

  /** @returns false if the device takes nothing past its cache; from then on nothing is offered. */
  async #tryDirect(part: Part): Promise<boolean> {
    const direct = this.#direct;
    if (direct === undefined) return false;
    try {
      const target = { fileDescriptor: direct.fd, path: this.path };
      await writeParts(this.#options.io, target, [part]);
      return true;
    } catch (error) {
      // A driver that wants larger sectors or other memory than Linux asks for.
      if (!(error instanceof SystemError && error.kind === 'EINVAL')) throw error;
      this.#direct = undefined;
      await direct.close();
      return false;
    }
  }

  async #writeCached(parts: readonly Part[]): Promise<void> {
    await writeParts(this.#options.io, this.#open, parts);
    for (const { bytes } of parts) this.#unflushedBytes += bytes.length;
  }

  /** Past the cache go only whole sectors that start at a page of memory. */
  #fitsDirect({ bytes, startByte }: Part): boolean {
    const isWhole = bytes.length % this.#blockBytes === 0 && startByte % this.#blockBytes === 0;
    return isWhole && startsAtPage(bytes);
  }
}
