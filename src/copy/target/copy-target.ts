/** The contract between the bytes of an image and what they are written to. */
import type { RangeSet } from '../../ranges/range-set.ts';
import type { Part } from './target-io.ts';
import type { OpenTarget } from './write-target.ts';

/**
 * What is done with the bytes of the image that the map leaves out: `skip` leaves them as they are,
 * `discard` gives them back to the device, `zero` makes them read as zeros.
 */
export type UnmappedPolicy = 'skip' | 'discard' | 'zero';

export interface CompleteOptions {
  readonly unmapped: RangeSet;
  readonly policy: UnmappedPolicy;
  /** The size of the image. */
  readonly endByte: number;
  /** Aborting throws the signal's reason. */
  readonly signal: AbortSignal;
}

export interface CopyTarget {
  /** As the user gave it. */
  readonly path: string;

  /** Whether bytes that start at a page of memory are written faster. */
  readonly wantsPages: boolean;

  /** True once it may not be what it was before. */
  readonly mayHaveChanged: boolean;

  /** Makes sure that it can be written to and that nobody else does; writes nothing. */
  claim(): Promise<void>;

  /**
   * Writes all of the parts, which are in the order of the image, as the calls are, one at a time.
   * Before the first call nothing has been changed.
   */
  write(parts: readonly Part[]): Promise<void>;

  /**
   * In place of `write`, for threads that write by themselves, at any place and in any order; undefined
   * where that must not be. As with `write`, before the call nothing has been changed.
   */
  readonly openForThreads: (() => Promise<OpenTarget>) | undefined;

  /** Gives the bytes left out what the policy says, and the target its final size. */
  complete(options: CompleteOptions): Promise<void>;

  /** Returns when everything written is on the medium. */
  flush(): Promise<void>;

  /** For reading and writing at any place, past the cache; undefined for what cannot be read back. */
  openForCheck(): Promise<number | undefined>;

  /** Lets go of it; safe at any time, also twice. */
  close(): Promise<void>;
}
