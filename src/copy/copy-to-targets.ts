/** Takes a copy through its stages for all targets: guard, claim, write, finish. */
import { admitTargets, findCutByte } from './admit-targets.ts';
import { copyRanges } from './copy-ranges.ts';
import type { CopyRun } from './copy-run.ts';
import { TargetFailures } from './target-failures.ts';
import { TargetJob } from './target-job.ts';
import { QueueSettings } from './target/queue-settings.ts';
import type { TargetFacts } from './target/target-guard.ts';
import { WrittenDigests } from './written-digests.ts';

/** @returns the size of the image in bytes, as far as it is known. @throws as `copyImage`. */
export async function copyToTargets(run: CopyRun): Promise<number> {
  const failures = new TargetFailures(run);
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
  failures: TargetFailures,
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
  failures: TargetFailures,
): Promise<number> {
  const { options, source, map, plan, onEvent, signal } = run;
  const image = options.image === '-' ? '-' : source.name;
  for (const { facts } of jobs) {
    const isScanned = map !== undefined && map.location === undefined;
    onEvent({ kind: 'copying', image, target: facts, map: map?.name, isScanned });
  }
  const digests = options.verifyTarget === true ? new WrittenDigests(findCutByte(run)) : undefined;
  let writtenTo: number;
  try {
    writtenTo = await copyRanges({
      source,
      plan,
      queues: jobs.map(({ queue }) => queue),
      onPiece: digests && ((piece) => digests.add(piece)),
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
