/**
 * The error families, sorted by who has to act. `code` is stable and public: programs match it, never
 * the message. `kind` is the stable name of the single cause inside the family.
 *
 * `RangeError` and `TypeError` are not here: they mean a mistake of ours.
 */
export abstract class BmapError extends Error {
  /** The name of the family, for example `BMAP_CORRUPT`. */
  abstract readonly code: string;
  /** The name of the cause inside the family, for example `empty-image`. All are in docs/errors.md. */
  readonly kind: string;
  /** On an error of a copy: what it left of the target. */
  declare targetState?: TargetState;

  /** `message` says what, where, what it means and what to do next. */
  constructor(kind: string, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = new.target.name;
    this.kind = kind;
  }
}

/**
 * What a failed copy left of its target. `untouched`: not a byte was written. `partial`: some of the
 * image is there. `unverified`: all of it was written, but flushing or checking it failed.
 */
export type TargetState = 'untouched' | 'partial' | 'unverified';

/** The command line, or an argument of the library call, asks for something that makes no sense. */
export class UsageError extends BmapError {
  readonly code = 'BMAP_USAGE';
}

/** Where damaged or unsupported bytes were found. */
export interface Place {
  /** The specification's name of the structure, for example `ext4 superblock`. */
  readonly structure: string;
  /** Absolute position inside the reader that was parsed, if one is known. */
  readonly startByte?: number;
}

/** The bytes are wrong: no correct writer leaves them so. */
export class CorruptError extends BmapError {
  readonly code = 'BMAP_CORRUPT';
  /** Where the wrong bytes are. */
  readonly place: Place;

  /** The place is put in front of the message. */
  constructor(kind: string, place: Place, message: string, options?: { cause?: unknown }) {
    super(kind, `${place.structure}${formatPosition(place)}: ${message}`, options);
    this.place = place;
  }
}

/** The bytes may be right, but use something this program does not understand. */
export class UnsupportedError extends BmapError {
  readonly code = 'BMAP_UNSUPPORTED';
  /** Where the feature is announced. */
  readonly place: Place;

  /** The place is put in front of the message. */
  constructor(kind: string, place: Place, message: string, options?: { cause?: unknown }) {
    super(kind, `${place.structure}${formatPosition(place)}: ${message}`, options);
    this.place = place;
  }
}

/** Two things that must be equal differ: digests, sizes, counts. */
export class MismatchError extends BmapError {
  readonly code = 'BMAP_MISMATCH';
}

/** A guard said no. Nothing was written. */
export class RefusedError extends BmapError {
  readonly code = 'BMAP_REFUSED';
}

/** The operating system failed a request, or the image changed while it was read. */
export class SystemError extends BmapError {
  readonly code = 'BMAP_SYSTEM';
  /** The path the request was about, if there was one. */
  readonly path: string | undefined;

  /** The path, if there is one, is put in front of the message. */
  constructor(
    kind: string,
    path: string | undefined,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(kind, path === undefined ? message : `${path}: ${message}`, options);
    this.path = path;
  }

  /** Wraps an error of Node's `fs`. `kind` is the errno name, for example `ENOENT`. */
  static from(error: unknown, path: string | undefined): SystemError {
    if (error instanceof SystemError) return error;
    const { code, message } = error as { code?: string; message?: string };
    if (typeof code !== 'string') throw error;
    const text = SYSTEM_MESSAGES.get(code) ?? `${code}: ${message ?? 'unknown failure'}`;
    return new SystemError(code, path, text, { cause: error });
  }
}

/** A copy was stopped by its signal. */
export class InterruptedError extends BmapError {
  readonly code = 'BMAP_INTERRUPTED';
}

/** Some of several targets of a copy failed, or all of them for reasons of their own. */
export class TargetsError extends BmapError {
  readonly code = 'BMAP_TARGETS';
  /** The targets that failed, and why. */
  readonly failures: readonly { readonly path: string; readonly error: unknown }[];

  /** `targetCount` is the number of all targets. */
  constructor(
    targetCount: number,
    failures: readonly { readonly path: string; readonly error: unknown }[],
  ) {
    super('targets', `${failures.length} of ${targetCount} targets failed`);
    this.failures = failures;
  }
}

const SYSTEM_MESSAGES = new Map([
  ['ENOENT', 'no such file'],
  ['EACCES', 'permission denied'],
  ['EPERM', 'operation not permitted'],
  ['EISDIR', 'is a directory'],
  ['ENOTDIR', 'a part of the path is not a directory'],
  ['ENOSPC', 'no space left on the device'],
  ['EIO', 'input/output error'],
  ['EROFS', 'read-only filesystem'],
  ['EBUSY', 'device is busy'],
  ['EFBIG', 'file too large for its filesystem'],
  ['EMFILE', 'too many open files'],
]);

function formatPosition(place: Place): string {
  return place.startByte === undefined ? '' : ` at byte ${place.startByte}`;
}
