/**
 * A disk or partition. It is held exclusively while it is written to: Linux then refuses to mount it or
 * any partition of it, and O_EXCL fails if any is mounted. Source: Linux `block/bdev.c`.
 */
import { constants, fstatSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';

import {
  discardRange,
  flushBuffers,
  rereadPartitionTable,
  zeroRange,
} from '../../../native/block-device.ts';
import { dropCachedPages } from '../../../native/page-cache.ts';
import { RefusedError, SystemError } from '../../errors/errors.ts';
import type { DeviceFacts } from '../../host/device-facts.ts';
import { formatDeviceNumber } from '../../host/host-files.ts';
import { alignDown, alignUp, type ByteRange } from '../../ranges/byte-range.ts';
import type { CompleteOptions, CopyTarget } from './copy-target.ts';
import { StepPacer } from './step-pacer.ts';
import { flushTarget, writeFully, type OpenTarget, type TargetIo } from './target-io.ts';
import { findZeroRuns } from './zero-blocks.ts';

/** Never below the page size: the cache of a device is kept in pages. */
const MIN_BLOCK_BYTES = 4096;

export interface BlockDeviceOptions {
  readonly io: TargetIo;
  /** Have the device make zeros where the image has blocks of zeros. */
  readonly offloadZeros: boolean;
  /** Claim it without the means to write. */
  readonly isDryRun: boolean;
  /** Leave out what lies behind the device's end, instead of failing there. */
  readonly cutsAtEnd: boolean;
}

export class BlockDeviceTarget implements CopyTarget {
  readonly path: string;
  readonly #facts: DeviceFacts;
  readonly #options: BlockDeviceOptions;
  readonly #flushPacer = new StepPacer();
  #handle: FileHandle | undefined;
  #unflushedBytes = 0;
  #mayHaveChanged = false;

  constructor(path: string, facts: DeviceFacts, options: BlockDeviceOptions) {
    this.path = path;
    this.#facts = facts;
    this.#options = options;
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
    const { rdev } = fstatSync(this.#handle.fd);
    if (formatDeviceNumber(rdev) !== this.#facts.number) {
      const problem = `${this.path}: is not the device that was checked a moment ago`;
      throw new RefusedError('target-changed', problem);
    }
  }

  async writeAt(all: Uint8Array, startByte: number): Promise<void> {
    this.#mayHaveChanged = true;
    const room = Math.max(this.#facts.sizeBytes - startByte, 0);
    const bytes = this.#options.cutsAtEnd ? all.subarray(0, room) : all;
    let writtenTo = startByte;
    const endByte = startByte + bytes.length;
    for (const run of this.#listOffloads(bytes, startByte)) {
      await this.#writePart(bytes, startByte, writtenTo, run.startByte);
      await zeroRange(this.#open, run.startByte, run.endByte - run.startByte);
      writtenTo = run.endByte;
    }
    await this.#writePart(bytes, startByte, writtenTo, endByte);
    this.#unflushedBytes += bytes.length;
    if (this.#unflushedBytes >= this.#flushPacer.stepBytes) await this.flush();
  }

  async complete({ unmapped, policy, signal }: CompleteOptions): Promise<void> {
    if (policy === 'skip') return;
    for (const { startByte, endByte } of unmapped) {
      const range = { startByte, endByte: Math.min(endByte, this.#facts.sizeBytes) };
      if (range.startByte >= range.endByte) return;
      this.#mayHaveChanged = true;
      if (policy === 'zero') await this.#zero(range, signal);
      else await this.#discard(range, signal);
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
    const handle = this.#handle;
    this.#handle = undefined;
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

  get #blockBytes(): number {
    return Math.max(this.#facts.sectorBytes, MIN_BLOCK_BYTES);
  }

  #listOffloads(bytes: Uint8Array, startByte: number): readonly ByteRange[] {
    if (!this.#options.offloadZeros || this.#facts.writeZeroesMaxBytes === 0) return [];
    return findZeroRuns(bytes, startByte, this.#blockBytes);
  }

  async #writePart(
    bytes: Uint8Array,
    bytesStartByte: number,
    startByte: number,
    endByte: number,
  ): Promise<void> {
    const part = bytes.subarray(startByte - bytesStartByte, endByte - bytesStartByte);
    await writeFully(this.#options.io, this.#open, part, startByte);
  }

  /** Only whole sectors: what is left at the edges is not worth a thought. */
  async #discard({ startByte, endByte }: ByteRange, signal: AbortSignal): Promise<void> {
    const { sectorBytes } = this.#facts;
    const inner = {
      startByte: alignUp(startByte, sectorBytes),
      endByte: alignDown(endByte, sectorBytes),
    };
    await this.#inSteps(inner, signal, (from, to) => discardRange(this.#open, from, to - from));
  }

  /** Edges that are no whole blocks are written. */
  async #zero({ startByte, endByte }: ByteRange, signal: AbortSignal): Promise<void> {
    const firstByte = Math.min(alignUp(startByte, this.#blockBytes), endByte);
    const lastByte = Math.max(alignDown(endByte, this.#blockBytes), firstByte);
    const edge = new Uint8Array(this.#blockBytes);
    const { io } = this.#options;
    await writeFully(io, this.#open, edge.subarray(0, firstByte - startByte), startByte);
    const inner = { startByte: firstByte, endByte: lastByte };
    await this.#inSteps(inner, signal, (from, to) => zeroRange(this.#open, from, to - from));
    await writeFully(io, this.#open, edge.subarray(0, endByte - lastByte), lastByte);
  }

  /** In steps, since a request that was made cannot be interrupted. */
  async #inSteps(
    { startByte, endByte }: ByteRange,
    signal: AbortSignal,
    act: (from: number, to: number) => Promise<void>,
  ): Promise<void> {
    const pacer = new StepPacer();
    let from = startByte;
    while (from < endByte) {
      signal.throwIfAborted();
      const to = Math.min(from + alignDown(pacer.stepBytes, this.#blockBytes), endByte);
      await pacer.measure(to - from, async () => act(from, to));
      from = to;
    }
  }
}
