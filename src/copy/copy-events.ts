/** What a copy tells while it goes on. Texts are made elsewhere. */
import type { Bmap } from '../bmap/bmap.ts';
import type { Finding } from '../errors/finding.ts';
import type { TargetFacts } from './target/target-guard.ts';

/**
 * One step of a copy. Names are paths or addresses as they were given or found; `target` is the path of
 * the target, or what is known of it.
 */
export type CopyEvent =
  /** The map lies beside the image. */
  | { readonly kind: 'map-found'; readonly map: string }
  /** The map is signed in its own file. */
  | { readonly kind: 'inline-signature-found' }
  /** The signature lies beside the map. */
  | { readonly kind: 'signature-found'; readonly signature: string }
  /** `program` is gpg or gpgv. */
  | { readonly kind: 'verifying-signature'; readonly program: string }
  /** The signature is good. */
  | { readonly kind: 'signature-verified'; readonly userId: string; readonly fingerprint: string }
  /** The map has been read, and is right in itself. */
  | { readonly kind: 'map-read'; readonly map: string; readonly bmap: Bmap }
  /** The target has passed the guard. */
  | { readonly kind: 'target-checked'; readonly target: TargetFacts }
  /**
   * Everything has been checked; `map` is undefined where all of the image is copied, and the image's
   * own name with `isScanned`.
   */
  | {
      readonly kind: 'copying';
      readonly image: string;
      readonly target: TargetFacts;
      readonly map: string | undefined;
      readonly isScanned: boolean;
    }
  /** `bytesTotal` is undefined if only the end of the source will tell. */
  | {
      readonly kind: 'progress';
      readonly phase: 'copying' | 'verifying';
      readonly bytesDone: number;
      readonly bytesTotal: number | undefined;
    }
  /** All is written; the medium still has to take it. */
  | { readonly kind: 'synchronizing'; readonly target: string }
  /** It is read back. */
  | { readonly kind: 'verifying-target'; readonly target: string }
  /** So many bytes were read back wrong and are written again. */
  | { readonly kind: 'rewriting'; readonly target: string; readonly bytes: number }
  /** All of the image is on this target's medium. */
  | { readonly kind: 'target-done'; readonly target: string }
  /** One of several targets failed; the others go on. */
  | { readonly kind: 'target-failed'; readonly target: string; readonly error: unknown }
  /** Something the user should know. */
  | { readonly kind: 'finding'; readonly finding: Finding }
  /** A detail for those who look for a fault. */
  | { readonly kind: 'debug'; readonly text: string };

/** Called for each event, in order; what it throws ends the copy. */
export type OnEvent = (event: CopyEvent) => void;
