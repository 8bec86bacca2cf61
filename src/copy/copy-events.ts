/** What a copy tells while it goes on. Texts are made elsewhere. */
import type { Bmap } from '../bmap/bmap.ts';
import type { Finding } from '../errors/finding.ts';
import type { TargetFacts } from './target/target-guard.ts';

export type CopyEvent =
  | { readonly kind: 'map-found'; readonly map: string }
  | { readonly kind: 'inline-signature-found' }
  | { readonly kind: 'signature-found'; readonly signature: string }
  | { readonly kind: 'verifying-signature'; readonly program: string }
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
  | { readonly kind: 'synchronizing'; readonly target: string }
  | { readonly kind: 'verifying-target'; readonly target: string }
  | { readonly kind: 'rewriting'; readonly target: string; readonly bytes: number }
  | { readonly kind: 'target-done'; readonly target: string }
  | { readonly kind: 'target-failed'; readonly target: string; readonly error: unknown }
  | { readonly kind: 'finding'; readonly finding: Finding }
  | { readonly kind: 'debug'; readonly text: string };

export type OnEvent = (event: CopyEvent) => void;
