/** One target on its way: from the guard to the last flush, with what it left if it fails. */
import { dirname } from 'node:path';

import { BmapError, InterruptedError, type TargetState } from '../errors/errors.ts';
import type { CopyEvent, OnEvent } from './copy-events.ts';
import { formatHumanSize } from '../bmap/human-size.ts';
import { isScattered, listUnmapped, type CopyPlan } from './copy-plan.ts';
import type { ImageSource } from './source/image-source.ts';
import { BlockDeviceTarget } from './target/block-device-target.ts';
import type { CopyTarget, UnmappedPolicy } from './target/copy-target.ts';
import { CharacterDeviceSink, PipeSink } from './target/byte-sink.ts';
import { FileTarget } from './target/file-target.ts';
import { keepsHoles } from './target/keeps-holes.ts';
import { fixGpt } from './target/fix-gpt.ts';
import { StreamTarget } from './target/stream-target.ts';
import { openThreadedIo, type TargetIo } from './target/target-io.ts';
import type { TargetFacts } from './target/target-guard.ts';
import { TargetQueue } from './target-queue.ts';
import { verifyTarget } from './verify-target.ts';
import type { WrittenUnit } from './written-digests.ts';

export interface JobSettings {
  readonly plan: CopyPlan;
  readonly io: TargetIo | undefined;
  readonly isDryRun: boolean;
  readonly zeroOffload: boolean;
  readonly cutsAtEnd: boolean;
  readonly policy: UnmappedPolicy;
  readonly fixGpt: boolean;
  readonly retries: number;
  readonly reopenSource: (() => Promise<ImageSource>) | undefined;
  readonly onEvent: OnEvent;
  readonly signal: AbortSignal;
}

/** What was written, when all of it was. */
export interface Written {
  /** The size of the image. */
  readonly endByte: number;
  /** Undefined if nothing is to be read back. */
  readonly units: readonly WrittenUnit[] | undefined;
}

export class TargetJob {
  readonly facts: TargetFacts;
  readonly queue: TargetQueue;
  readonly #io: TargetIo;
  readonly #target: CopyTarget;
  readonly #settings: JobSettings;
  #isWritten = false;

  constructor(facts: TargetFacts, settings: JobSettings) {
    this.facts = facts;
    this.#settings = settings;
    this.#io = settings.io ?? openThreadedIo();
    this.#target = makeTarget(facts, settings, this.#io);
    this.queue = new TargetQueue(this.#target, settings.signal);
  }

  get path(): string {
    return this.facts.path;
  }

  get state(): TargetState {
    if (this.#isWritten) return 'unverified';
    return this.#target.mayHaveChanged ? 'partial' : 'untouched';
  }

  async claim(): Promise<void> {
    // A pipe would have to be opened for writing, and its reader would notice.
    if (this.#settings.isDryRun && this.facts.kind === 'stream') return;
    await this.#target.claim();
  }

  async close(): Promise<void> {
    // First the thread that may be writing.
    await this.#io.close?.();
    await this.#target.close();
  }

  /** Everything that comes behind the last write. */
  async finish(written: Written): Promise<void> {
    try {
      await this.#finish(written);
    } catch (error) {
      throw this.describeFailure(error);
    }
  }

  async #finish({ endByte, units }: Written): Promise<void> {
    if (this.queue.failure !== undefined) throw this.queue.failure.error;
    const { plan, policy, signal, onEvent } = this.#settings;
    const unmapped = listUnmapped(plan);
    signal.throwIfAborted();
    await this.#target.complete({ unmapped, policy, endByte, signal });
    this.#isWritten = true;
    onEvent({ kind: 'synchronizing', target: this.path });
    await this.#target.flush();
    if (units !== undefined) await this.#verify(units);
    if (this.facts.kind !== 'block-device') return;
    if (this.#settings.fixGpt) {
      const finding = await fixGpt(this.#target, this.facts.device, endByte);
      if (finding !== undefined) onEvent({ kind: 'finding', finding });
    }
    await this.#rereadPartitionTable();
  }

  /** The error for people and programs: an abort becomes a message of how far it got. */
  describeFailure(error: unknown): unknown {
    const described = this.#isInterruption(error) ? this.#interrupted() : error;
    if (described instanceof BmapError) described.targetState = this.state;
    return described;
  }

  #isInterruption(error: unknown): boolean {
    const { signal } = this.#settings;
    return signal.aborted && (error === signal.reason || (error as Error).name === 'AbortError');
  }

  #interrupted(): InterruptedError {
    const { mappedBytes } = this.#settings.plan;
    const done = formatHumanSize(this.queue.bytesWritten);
    const all = mappedBytes === undefined ? '' : ` of ${formatHumanSize(mappedBytes)}`;
    const problem = `interrupted, exiting: ${done}${all} written to '${this.path}'`;
    return new InterruptedError('interrupted', problem);
  }

  async #verify(units: readonly WrittenUnit[]): Promise<void> {
    const { plan, retries, reopenSource, signal, onEvent } = this.#settings;
    const target = this.path;
    onEvent({ kind: 'verifying-target', target });
    await verifyTarget(this.#target, {
      units: this.facts.kind === 'block-device' ? this.#listUnitsInside(units) : units,
      plan,
      retries,
      reopenSource,
      signal,
      onProgress: (bytesDone, bytesTotal) =>
        onEvent({ kind: 'progress', phase: 'verifying', bytesDone, bytesTotal }),
      onRetry: (bytes) => onEvent({ kind: 'rewriting', target, bytes }),
    });
  }

  /** Without what was cut off because it is made anew at another place. */
  #listUnitsInside(units: readonly WrittenUnit[]): readonly WrittenUnit[] {
    if (this.facts.kind !== 'block-device' || !this.#settings.cutsAtEnd) return units;
    const { sizeBytes } = this.facts.device;
    return units.filter(({ endByte }) => endByte <= sizeBytes);
  }

  /** That the kernel keeps the old table is a nuisance, not a failure of the copy. */
  async #rereadPartitionTable(): Promise<void> {
    const target = this.#target;
    if (!(target instanceof BlockDeviceTarget) || this.facts.kind !== 'block-device') return;
    if (this.facts.device.isPartition) return;
    try {
      await target.rereadPartitionTable();
    } catch (error) {
      if (!(error instanceof BmapError)) throw error;
      this.#settings.onEvent(describeReread(this.path, error));
    }
  }
}

function describeReread(path: string, error: BmapError): CopyEvent {
  // What cannot have partitions, such as many loop devices.
  if (error.kind === 'EINVAL') return { kind: 'debug', text: error.message };
  const text = `${path}: the kernel did not read the new partition table (${error.message}); unplug and replug the device, or run partprobe`;
  return { kind: 'finding', finding: { level: 'warning', code: 'copy.table-not-reread', text } };
}

function makeTarget(facts: TargetFacts, settings: JobSettings, io: TargetIo): CopyTarget {
  const { plan, isDryRun, zeroOffload: offloadZeros, cutsAtEnd } = settings;
  if (facts.kind === 'file') {
    const takesThreads = settings.io === undefined && keepsHoles(dirname(facts.path));
    return new FileTarget(facts.path, facts.found, { io, takesThreads });
  }
  if (facts.kind === 'stream') {
    const { path, isPipe, forgetsAll } = facts;
    const sink = isPipe ? new PipeSink(path, settings.signal) : new CharacterDeviceSink(path, io);
    return new StreamTarget(path, sink, forgetsAll);
  }
  const options = { io, pastCache: !isScattered(plan), offloadZeros, isDryRun, cutsAtEnd };
  return new BlockDeviceTarget(facts.path, facts.device, options);
}
