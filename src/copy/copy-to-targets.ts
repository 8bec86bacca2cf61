/** Takes a copy through its stages for all targets: guard, claim, write, finish. */
import { fstatSync, statSync, type Stats } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { BmapError, RefusedError, TargetsError, UsageError } from '../errors/errors.ts';
import { traceStorage, wouldOverwrite } from '../host/storage.ts';
import { usualBackupBytes } from '../partition/move-gpt.ts';
import { alignDown } from '../ranges/byte-range.ts';
import type { CopyOptions } from './copy-options.ts';
import type { OnEvent } from './copy-events.ts';
import type { CopyPlan } from './copy-plan.ts';
import { copyRanges } from './copy-ranges.ts';
import type { LoadedMap } from './load-map.ts';
import type { ImageSource } from './source/image-source.ts';
import { isUrl } from './source/open-input.ts';
import { guardTarget, type TargetFacts } from './target/target-guard.ts';
import { QueueSettings } from './target/queue-settings.ts';
import { TargetJob } from './target-job.ts';
import { WrittenDigests } from './written-digests.ts';

export interface CopyRun {
  readonly options: CopyOptions;
  readonly source: ImageSource;
  readonly reopenSource: (() => Promise<ImageSource>) | undefined;
  /** @throws {SystemError} if the source is not what it was. */
  readonly assertUnchanged: () => void;
  readonly map: LoadedMap | undefined;
  readonly plan: CopyPlan;
  readonly onEvent: OnEvent;
  readonly signal: AbortSignal;
}

/** Device sectors of 4096 bytes would need a little more; then a smaller device is refused. */
const SECTOR_BYTES = 512;

/** @returns the size of the image in bytes, as far as it is known. @throws as `copyImage`. */
export async function copyToTargets(run: CopyRun): Promise<number> {
  const failures = new Failures(run);
  const jobs = (await admitTargets(run, failures)).map((facts) => makeJob(run, facts));
  const settings = new QueueSettings((finding) => run.onEvent({ kind: 'finding', finding }));
  const forget = run.options.onCleanup?.(() => settings.restore());
  let endByte = run.plan.imageSizeBytes ?? 0;
  try {
    const claimed = await claimAll(jobs, failures);
    if (run.options.dryRun !== true && claimed.length > 0) {
      for (const { facts } of claimed) {
        if (facts.kind === 'block-device') settings.apply(facts.device.diskFolder);
      }
      endByte = await writeAll(run, claimed, failures);
    }
  } finally {
    settings.restore();
    forget?.();
    await Promise.all(jobs.map(async (job) => job.close()));
  }
  failures.throwIfAny();
  return endByte;
}

/** Where what is cut off may start; behind everything unless the backup GPT may be cut. */
function findCutByte({ options, plan }: CopyRun): number {
  const mayCut = options.allowSmaller === true && options.fixGpt === true;
  if (!mayCut || plan.imageSizeBytes === undefined) return Infinity;
  const tailByte = Math.max(plan.imageSizeBytes - usualBackupBytes(SECTOR_BYTES), 0);
  return alignDown(tailByte, plan.blockSizeBytes);
}

function findNeededBytes(run: CopyRun): number | undefined {
  const { options, plan } = run;
  if (options.allowSmaller !== true) return plan.imageSizeBytes;
  const cutByte = findCutByte(run);
  const last = plan.ranges.findLast(({ startByte }) => startByte < cutByte);
  const endByte = Math.min(last?.endByte ?? 0, cutByte);
  return endByte === Infinity ? undefined : endByte;
}

async function admitTargets(run: CopyRun, failures: Failures): Promise<readonly TargetFacts[]> {
  const { options, onEvent } = run;
  const sources = listSources(run);
  const admitted: TargetFacts[] = [];
  for (const target of options.targets) {
    await failures.attempt(target, async () => {
      const facts = guardTarget(target, {
        sources,
        neededBytes: findNeededBytes(run),
        imageName: run.source.name,
        imageSizeBytes: run.plan.imageSizeBytes,
        onlyRemovable: options.removableDevice === true,
        ...(options.host !== undefined && { roots: options.host }),
      });
      assertSuits(run, facts);
      assertDistinct(facts, admitted, options);
      reportFileUnderDev(facts, onEvent);
      onEvent({ kind: 'target-checked', target: facts });
      admitted.push(facts);
      if (facts.kind !== 'block-device' || options.dryRun === true) return;
      if ((await options.confirm?.(facts)) === false) {
        admitted.pop();
        throw new RefusedError('not-confirmed', `${target}: not confirmed, nothing was written`);
      }
    });
  }
  return admitted;
}

/** Left there by a program that did not find the device. */
function reportFileUnderDev(facts: TargetFacts, onEvent: OnEvent): void {
  if (facts.kind !== 'file' || !resolve(facts.path).startsWith('/dev/')) return;
  const text = `"${facts.path}" is under "/dev", but it is a regular file, not a device node`;
  onEvent({ kind: 'finding', finding: { level: 'warning', code: 'copy.file-under-dev', text } });
}

/** Everything that is being read and must not be written to: image, map, signature and keyring. */
function listSources({ options, map, source }: CopyRun): readonly Stats[] {
  const locations = [options.image, map?.location, options.bmapSig, options.keyring];
  const stats = locations.flatMap((location) => {
    if (location === undefined || location === '-') return [];
    const filePath = /^file:/i.test(location) ? fileURLToPath(location) : location;
    const found = isUrl(filePath) ? undefined : statSync(filePath, { throwIfNoEntry: false });
    return found === undefined ? [] : [found];
  });
  // Standard input may be a file as well.
  if (options.image === '-') stats.push(fstatSync(0));
  if (source.fileDescriptor !== undefined) stats.push(fstatSync(source.fileDescriptor));
  return stats;
}

/** @throws {UsageError} for options that this kind of target cannot do. */
function assertSuits({ options }: CopyRun, { kind, path }: TargetFacts): void {
  if (options.targets.length > 1 && kind !== 'block-device') {
    const problem = `${path}: is not a block device; only those can be written to several at once`;
    throw new UsageError('several-targets', problem);
  }
  if (kind === 'stream' && options.verifyTarget === true) {
    const problem = `${path}: cannot be read back, as --verify-target wants`;
    throw new UsageError('verify-stream', problem);
  }
}

function assertDistinct(
  facts: TargetFacts,
  others: readonly TargetFacts[],
  { host }: CopyOptions,
): void {
  const storageOf = ({ path }: TargetFacts) => traceStorage(statSync(path), host);
  for (const other of others) {
    const one = storageOf(facts);
    const two = storageOf(other);
    if (!wouldOverwrite(one, two) && !wouldOverwrite(two, one)) continue;
    const problem = `${facts.path}: is the same device as ${other.path}, or a part of it`;
    throw new RefusedError('same-target', problem);
  }
}

function makeJob(run: CopyRun, facts: TargetFacts): TargetJob {
  const { options, plan, reopenSource, onEvent, signal } = run;
  return new TargetJob(facts, {
    plan,
    io: options.io,
    isDryRun: options.dryRun === true,
    zeroOffload: options.zeroOffload === true,
    cutsAtEnd: findCutByte(run) !== Infinity,
    policy: options.unmapped ?? 'skip',
    fixGpt: options.fixGpt === true,
    retries: options.retries ?? 0,
    reopenSource,
    onEvent,
    signal,
  });
}

async function claimAll(
  jobs: readonly TargetJob[],
  failures: Failures,
): Promise<readonly TargetJob[]> {
  const claimed: TargetJob[] = [];
  for (const job of jobs) {
    await failures.attempt(job.path, async () => {
      await job.claim();
      claimed.push(job);
    });
  }
  return claimed;
}

async function writeAll(
  run: CopyRun,
  jobs: readonly TargetJob[],
  failures: Failures,
): Promise<number> {
  const { options, source, map, plan, onEvent, signal } = run;
  const image = options.image === '-' ? '-' : source.name;
  for (const { facts } of jobs) {
    onEvent({ kind: 'copying', image, target: facts, map: map?.name });
  }
  const digests = options.verifyTarget === true ? new WrittenDigests(findCutByte(run)) : undefined;
  let writtenTo: number;
  try {
    writtenTo = await copyRanges({
      source,
      plan,
      queues: jobs.map(({ queue }) => queue),
      verify: options.verify !== false,
      onPiece: (piece) => digests?.add(piece),
      onProgress: (bytesDone) => {
        const bytesTotal = plan.mappedBytes;
        onEvent({ kind: 'progress', phase: 'copying', bytesDone, bytesTotal });
      },
      signal,
    });
    run.assertUnchanged();
  } catch (error) {
    throw describeCommonFailure(error, jobs);
  }
  const written = { endByte: plan.imageSizeBytes ?? writtenTo, units: digests?.finish() };
  const finished = jobs.map(async (job) =>
    failures.attempt(job.path, async () => {
      await job.finish(written);
      onEvent({ kind: 'target-done', target: job.path });
    }),
  );
  // All of them are awaited before anything is closed.
  const rejected = (await Promise.allSettled(finished)).find(({ status }) => status === 'rejected');
  if (rejected?.status === 'rejected') throw rejected.reason;
  return written.endByte;
}

/** The source failed, so all targets did: told once, with the worst state that any of them is in. */
function describeCommonFailure(error: unknown, jobs: readonly TargetJob[]): unknown {
  const worst = jobs.find(({ state }) => state !== 'untouched') ?? jobs[0]!;
  return worst.describeFailure(error);
}

/** What went wrong with single targets. With only one target, its error is the error of the copy. */
class Failures {
  readonly #targetCount: number;
  readonly #onEvent: OnEvent;
  readonly #failures: { readonly path: string; readonly error: unknown }[] = [];

  constructor({ options, onEvent }: CopyRun) {
    this.#targetCount = options.targets.length;
    this.#onEvent = onEvent;
  }

  /** Runs a step of one target. What fails in it stays here, unless it is a mistake of the user or ours. */
  async attempt(path: string, step: () => Promise<void>): Promise<void> {
    try {
      await step();
    } catch (error) {
      const isOwn = error instanceof BmapError && !(error instanceof UsageError);
      if (this.#targetCount === 1 || !isOwn) throw error;
      error.targetState ??= 'untouched';
      this.#failures.push({ path, error });
      this.#onEvent({ kind: 'target-failed', target: path, error });
    }
  }

  throwIfAny(): void {
    if (this.#failures.length > 0) throw new TargetsError(this.#targetCount, this.#failures);
  }
}
