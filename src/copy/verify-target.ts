/**
 * Reads back what was written, past the cache, and compares. What differs is written once more from the
 * source, as often as wanted: memory cards do lose a write now and then, and worn ones keep doing it.
 */
import { read } from 'node:fs';
import { promisify } from 'node:util';

import { MismatchError, SystemError } from '../errors/errors.ts';
import { BufferPool } from './buffer-pool.ts';
import type { CopyPlan } from './copy-plan.ts';
import { readPieces } from './read-pieces.ts';
import type { ImageSource } from './source/image-source.ts';
import type { CopyTarget } from './target/copy-target.ts';
import { startUnitHash, type WrittenUnit } from './written-digests.ts';

export interface VerifyOptions {
  readonly units: readonly WrittenUnit[];
  readonly plan: CopyPlan;
  /** How often bad units are written again. */
  readonly retries: number;
  /** The source from its start, for writing again; undefined where it can be read only once. */
  readonly reopenSource: (() => Promise<ImageSource>) | undefined;
  readonly onProgress: (bytesDone: number, bytesTotal: number) => void;
  /** Told before bad units are written again. */
  readonly onRetry: (badBytes: number) => void;
  readonly signal: AbortSignal;
}

const READ_BUFFERS = 3;
const BUFFER_BYTES = 2 ** 20;

/** @throws {MismatchError} kind `read-back` if the target does not return what was written. */
export async function verifyTarget(target: CopyTarget, options: VerifyOptions): Promise<void> {
  let bad = await findBadUnits(target, options.units, options);
  for (let attempt = 0; attempt < options.retries && bad.length > 0; attempt++) {
    if (options.reopenSource === undefined) break;
    options.onRetry(sumBytes(bad));
    const source = await options.reopenSource();
    try {
      await rewrite(target, source, bad, options);
    } finally {
      await source.close();
    }
    bad = await findBadUnits(target, bad, options);
  }
  const [first] = bad;
  if (first === undefined) return;
  const places = `${bad.length} of ${options.units.length} parts, the first at bytes ${first.startByte} to ${first.endByte}`;
  throw new MismatchError(
    'read-back',
    `${target.path}: does not return what was written to it: ${places}. The medium is failing, or something else writes to it`,
  );
}

async function findBadUnits(
  target: CopyTarget,
  units: readonly WrittenUnit[],
  { onProgress, signal }: VerifyOptions,
): Promise<readonly WrittenUnit[]> {
  const fileDescriptor = await target.openForCheck();
  if (fileDescriptor === undefined) return [];
  const bad: WrittenUnit[] = [];
  const bytesTotal = sumBytes(units);
  let bytesDone = 0;
  for (const unit of units) {
    signal.throwIfAborted();
    if (!(await isAsWritten(fileDescriptor, target.path, unit))) bad.push(unit);
    bytesDone += unit.endByte - unit.startByte;
    onProgress(bytesDone, bytesTotal);
  }
  return bad;
}

const readAt = promisify(read);

async function isAsWritten(
  fileDescriptor: number,
  path: string,
  { startByte, endByte, digest }: WrittenUnit,
): Promise<boolean> {
  const hash = startUnitHash();
  const buffer = Buffer.allocUnsafeSlow(Math.min(BUFFER_BYTES, endByte - startByte));
  let position = startByte;
  while (position < endByte) {
    const wanted = Math.min(buffer.length, endByte - position);
    let count: number;
    try {
      ({ bytesRead: count } = await readAt(fileDescriptor, buffer, 0, wanted, position));
    } catch (error) {
      const { kind, message } = SystemError.from(error, undefined);
      // A sector that cannot be read is as bad as one that reads wrong, and may be cured by writing it.
      if (kind === 'EIO') return false;
      throw new SystemError(kind, path, `cannot read back byte ${position}: ${message}`, {
        cause: error,
      });
    }
    if (count === 0) return false;
    hash.update(buffer.subarray(0, count));
    position += count;
  }
  return hash.digest().equals(digest);
}

async function rewrite(
  target: CopyTarget,
  source: ImageSource,
  units: readonly WrittenUnit[],
  { plan, signal }: VerifyOptions,
): Promise<void> {
  const pool = new BufferPool(READ_BUFFERS, BUFFER_BYTES);
  const part = { ...plan, ranges: units.map(({ startByte, endByte }) => ({ startByte, endByte })) };
  for await (const pieces of readPieces(source, part, pool, signal)) {
    signal.throwIfAborted();
    await target.write(pieces);
    for (const { buffer } of pieces) pool.give(buffer);
  }
}

function sumBytes(units: readonly WrittenUnit[]): number {
  return units.reduce((sum, { startByte, endByte }) => sum + endByte - startByte, 0);
}
