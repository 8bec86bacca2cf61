/** The contract between where bytes are stored and how they are decoded. */
import type { Finding } from '../../errors/finding.ts';
import type { ByteRange } from '../../ranges/byte-range.ts';

/** Bytes as they are stored or sent: nothing is decompressed or unpacked yet. */
export interface ByteInput {
  /** For messages: the path or address as the user gave it, without credentials and query. */
  readonly name: string;

  /** The last part of the path or address, whose ending hints at the format; empty if there is none. */
  readonly fileName: string;

  /** Size of the stored bytes, where it is known. */
  readonly sizeBytes: number | undefined;

  /** Set for a regular file or block device: then `pieces` may be taken more than once, and in part. */
  readonly fileDescriptor: number | undefined;

  readonly isBlockDevice?: boolean;

  /** What the server says it sends, for example `text/html`. */
  readonly contentType?: string;

  /**
   * All bytes, or those of `range`, in pieces of any size, none of them empty. A piece belongs to the
   * caller for good. Ends without an exception only if everything announced was delivered.
   * @throws {SystemError} if reading fails, the reason of the abort if `close` was called meanwhile.
   */
  pieces(range?: ByteRange): AsyncIterable<Uint8Array>;

  /** Releases files, connections and children; safe to call at any time, also twice. */
  close(): Promise<void>;
}

/** What an input needs from outside. */
export interface InputContext {
  /** For proxies, ~/.netrc and child processes. Undefined inherits for children, and is empty else. */
  readonly env: Readonly<Record<string, string | undefined>> | undefined;
  /** Aborted when the source is closed or its user interrupts. */
  readonly signal: AbortSignal;
  readonly onDebug: (text: string) => void;
  readonly onFinding: (finding: Finding) => void;
}
