/** The first stage of a copy: which targets may be written to. Nothing is opened for writing here. */
import { fstatSync, statSync, type Stats } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { RefusedError, UsageError } from '../errors/errors.ts';
import { traceStorage, wouldOverwrite } from '../host/storage.ts';
import { usualBackupBytes } from '../partition/move-gpt.ts';
import { alignDown } from '../ranges/byte-range.ts';
import type { OnEvent } from './copy-events.ts';
import type { CopyOptions } from './copy-options.ts';
import type { CopyRun } from './copy-run.ts';
import { isUrl } from './source/location.ts';
import type { TargetFailures } from './target-failures.ts';
import { guardTarget, type TargetFacts } from './target/target-guard.ts';

/** Device sectors of 4096 bytes would need a little more; then a smaller device is refused. */
const SECTOR_BYTES = 512;

/** Where what is cut off may start; behind everything unless the backup GPT may be cut. */
export function findCutByte({ options, plan }: CopyRun): number {
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

/** @returns what is known of the targets that have passed; the others are in `failures`. */
export async function admitTargets(
  run: CopyRun,
  failures: TargetFailures,
): Promise<readonly TargetFacts[]> {
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
        throw new RefusedError(
          'not-confirmed',
          `${target}: not confirmed, so nothing was written; answer with yes, or use --yes`,
        );
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
function listSources({ options, map, source, stdinStats }: CopyRun): readonly Stats[] {
  const locations = [options.image, map?.location, options.bmapSig, options.keyring];
  const stats = locations.flatMap((location) => {
    if (location === undefined || location === '-') return [];
    const filePath = /^file:/i.test(location) ? fileURLToPath(location) : location;
    const found = isUrl(filePath) ? undefined : statSync(filePath, { throwIfNoEntry: false });
    return found === undefined ? [] : [found];
  });
  // Standard input may be a file as well.
  if (stdinStats !== undefined) stats.push(stdinStats);
  if (source.fileDescriptor !== undefined) stats.push(fstatSync(source.fileDescriptor));
  return stats;
}

/** @throws {UsageError} for options that this kind of target cannot do. */
function assertSuits({ options }: CopyRun, { kind, path }: TargetFacts): void {
  if (options.targets.length > 1 && kind !== 'block-device') {
    const problem = `${path}: is not a block device; only those can be written to several at once. Copy to it alone`;
    throw new UsageError('several-targets', problem);
  }
  if (kind === 'stream' && options.verifyTarget === true) {
    const problem = `${path}: cannot be read back, so leave --verify-target out`;
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
    const problem = `${facts.path}: is the same device as ${other.path}, or a part of it; name each device once`;
    throw new RefusedError('same-target', problem);
  }
}
