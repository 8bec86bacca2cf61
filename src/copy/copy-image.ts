/**
 * Copies an image to one or more targets. First everything is checked that can be: the map and its
 * signature, the sizes, the targets; only then something is opened for writing.
 */
import { fstatSync } from 'node:fs';

import { loadLibc } from '../../native/libc.ts';
import { BmapError, InterruptedError, SystemError, TargetsError } from '../errors/errors.ts';
import { assertConsistent, type CopyOptions, type ScannedSource } from './copy-options.ts';
import type { OnEvent } from './copy-events.ts';
import { planMappedCopy, planPlainCopy, type CopyPlan, type SourceSize } from './copy-plan.ts';
import { copyToTargets } from './copy-to-targets.ts';
import { loadMap, type LoadedMap } from './load-map.ts';
import type { ImageSource } from './source/image-source.ts';
import { openSource, type SourceOptions } from './source/open-source.ts';
import { readAuxiliaryFile } from './source/read-auxiliary.ts';

/** What `copyImage` has done. */
export interface CopyReport {
  /** The map's path or address, the image's with `scan`; undefined for a copy of the whole image. */
  readonly map: string | undefined;
  /** 0 after a dry run of an image whose size only its end tells. */
  readonly imageSizeBytes: number;
  /** What was written to each target, or would be after a dry run. */
  readonly mappedBytes: number;
  /** From the first byte read to the last flush. */
  readonly seconds: number;
}

/**
 * Writes an image to its targets; resolves when all of it is on the media, and all of it was right.
 * Before the first byte is written the map, its signature and every target have been checked. Errors carry
 * `targetState`. With several targets one that fails does not stop the others.
 * @throws {UsageError} if the options contradict each other. @throws {RefusedError} if a guard says no.
 * @throws {CorruptError|UnsupportedError|MismatchError} if the image or its map is wrong.
 * @throws {SystemError} if the system fails a request, or the image changed meanwhile.
 * @throws {InterruptedError} if the signal was aborted.
 * @throws {TargetsError} if some of several targets failed.
 */
export async function copyImage(options: CopyOptions): Promise<CopyReport> {
  assertConsistent(options);
  const signal = options.signal ?? new AbortController().signal;
  try {
    signal.throwIfAborted();
    return await openAndCopy(options, signal);
  } catch (error) {
    if (signal.aborted && !(error instanceof BmapError)) {
      const text = 'interrupted, exiting: nothing was written';
      throw markUntouched(new InterruptedError('interrupted', text, { cause: error }));
    }
    throw error instanceof BmapError ? markUntouched(error) : error;
  }
}

/** Errors from before the first write; later ones say themselves what they left. */
function markUntouched(error: BmapError): BmapError {
  if (!(error instanceof TargetsError)) error.targetState ??= 'untouched';
  return error;
}

async function openAndCopy(options: CopyOptions, signal: AbortSignal): Promise<CopyReport> {
  const onEvent = options.onEvent ?? (() => {});
  if (needsSystemCalls(options)) loadLibc();
  const sourceOptions = makeSourceOptions(options, onEvent, signal);
  const open = async (): Promise<ImageSource> => openSource(options.image, sourceOptions);
  const stdinStats = options.image === '-' ? fstatSync(0) : undefined;
  const scanned = await options.scan?.(signal);
  const source = scanned?.source ?? (await openFirst(open));
  try {
    const map =
      scanned !== undefined
        ? useScan(scanned, onEvent)
        : options.nobmap === true
          ? undefined
          : await findMap(options, { ...sourceOptions, stdin: undefined }, onEvent, signal);
    const plan = makePlan(options, source, map);
    const assertUnchanged = watchSource(source);
    const startedMs = performance.now();
    const imageSizeBytes = await copyToTargets({
      options,
      source,
      stdinStats,
      reopenSource: findReopening(options, scanned, open),
      assertUnchanged,
      map,
      plan,
      onEvent,
      signal,
    });
    return {
      map: map?.name,
      imageSizeBytes,
      mappedBytes: plan.mappedBytes ?? imageSizeBytes,
      seconds: (performance.now() - startedMs) / 1000,
    };
  } finally {
    await source.close();
  }
}

function useScan({ source, bmap }: ScannedSource, onEvent: OnEvent): LoadedMap {
  onEvent({ kind: 'map-read', map: source.name, bmap });
  return { bmap, name: source.name, location: undefined };
}

/** How to read the image once more; standard input cannot be, unless a scan has kept it. */
function findReopening(
  { image }: CopyOptions,
  scanned: ScannedSource | undefined,
  open: () => Promise<ImageSource>,
): (() => Promise<ImageSource>) | undefined {
  if (scanned !== undefined) return async () => scanned.source;
  return image === '-' ? undefined : open;
}

/** Scripts know a failure to open the image by its first line. */
async function openFirst(open: () => Promise<ImageSource>): Promise<ImageSource> {
  try {
    return await open();
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    const problem = `cannot open image:\n${error.message}`;
    throw new SystemError(error.kind, undefined, problem, { cause: error });
  }
}

/** Better to hear of a missing library before than after an hour of writing. */
function needsSystemCalls({ unmapped, zeroOffload, verifyTarget }: CopyOptions): boolean {
  const hasPolicy = unmapped !== undefined && unmapped !== 'skip';
  return hasPolicy || zeroOffload === true || verifyTarget === true;
}

function makeSourceOptions(
  { member, stdin, env }: CopyOptions,
  onEvent: OnEvent,
  signal: AbortSignal,
): SourceOptions {
  return {
    member,
    stdin,
    env,
    signal,
    onFinding: (finding) => onEvent({ kind: 'finding', finding }),
    onDebug: (text) => onEvent({ kind: 'debug', text }),
  };
}

async function findMap(
  options: CopyOptions,
  sourceOptions: SourceOptions,
  onEvent: OnEvent,
  signal: AbortSignal,
): Promise<LoadedMap> {
  return loadMap({
    image: options.image,
    bmap: options.bmap,
    signature: options.bmapSig,
    isSignatureChecked: options.sigVerify !== false,
    keyring: options.keyring,
    fingerprint: options.fingerprint,
    env: options.env ?? {},
    readFile: async (location) => readAuxiliaryFile(location, sourceOptions),
    onEvent,
    signal,
  });
}

function makePlan(
  { targets, verify }: CopyOptions,
  source: ImageSource,
  map: LoadedMap | undefined,
): CopyPlan {
  const { sizeBytes, fileDescriptor } = source;
  const mayBeLarger = fileDescriptor !== undefined && fstatSync(fileDescriptor).isBlockDevice();
  const size: SourceSize = { sizeBytes, mayBeLarger };
  const names = { map: map?.name, target: targets.join("', '") };
  if (map === undefined) return planPlainCopy(size, names);
  return planMappedCopy(map.bmap, size, names, verify !== false);
}

/** @returns a check whether the file with the raw image is still what it was. */
function watchSource({ fileDescriptor, name }: ImageSource): () => void {
  if (fileDescriptor === undefined) return () => {};
  const before = fstatSync(fileDescriptor, { bigint: true });
  if (!before.isFile()) return () => {};
  return () => {
    const now = fstatSync(fileDescriptor, { bigint: true });
    if (now.size === before.size && now.mtimeNs === before.mtimeNs) return;
    const problem =
      'was changed by another program while it was copied; end that program, and copy again';
    throw new SystemError('image-changed', name, problem);
  };
}
