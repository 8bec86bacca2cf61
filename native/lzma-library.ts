/**
 * Which liblzma decodes. Version 5.8 is 1.3 to 1.75 times as fast as 5.4, so where the system's is older,
 * the package node-liblzma is preferred if the user has installed it: it holds 5.8.2 for Node.js on x64
 * with glibc, and exports liblzma's functions beside its own, which are not used.
 */
import { createRequire } from 'node:module';
import path from 'node:path';
import { arch, platform } from 'node:os';

import { loadLibrary, type NativeLibrary } from './load-library.ts';

export interface LzmaLibrary extends NativeLibrary {
  /** As the library tells it, for example `5.8.2`. */
  readonly version: string;
}

/** Where the two may be found, for tests to say otherwise. */
interface LzmaPlaces {
  readonly system: readonly string[];
  readonly packaged: () => string | undefined;
}

const PLACES: LzmaPlaces = { system: ['liblzma.so.5'], packaged: findPackaged };

/** 5.8.0, as `lzma_version_number` counts. Source: `lzma/version.h`. */
const FAST_VERSION = 50_080_000;

/** Undefined if there is none. @throws {SystemError} kind `no-native`. */
export function loadLzma({ system, packaged }: LzmaPlaces = PLACES): LzmaLibrary | undefined {
  const ofSystem = withVersion(loadLibrary(system));
  if (ofSystem !== undefined && isFast(ofSystem)) return ofSystem;
  const file = packaged();
  const ofPackage = file === undefined ? undefined : withVersion(loadLibrary([file]));
  return ofPackage === undefined ? ofSystem : { ...ofPackage, name: 'node-liblzma' };
}

function withVersion(library: NativeLibrary | undefined): LzmaLibrary | undefined {
  if (library?.has('lzma_version_string') !== true) return undefined;
  const version = library.bindText('const char *lzma_version_string(void)')() ?? 'unknown';
  return { ...library, version };
}

function isFast(library: NativeLibrary): boolean {
  return Number(library.bind('uint32_t lzma_version_number(void)')()) >= FAST_VERSION;
}

/** The package is optional. Whether it has a library for this system, loading will tell. */
function findPackaged(): string | undefined {
  try {
    const entry = createRequire(import.meta.url).resolve('node-liblzma');
    const folder = path.join(path.dirname(entry), '..', 'prebuilds', `${platform()}-${arch()}`);
    return path.join(folder, 'node-liblzma.node');
  } catch {
    return undefined;
  }
}
