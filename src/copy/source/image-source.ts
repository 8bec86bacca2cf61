/** The contract between where an image comes from and what is done with its bytes. */
import type { WantedRanges } from './wanted-bytes.ts';

/** An image that is being read. Everything is decided about it that can be without reading it whole. */
export interface ImageSource {
  /** For messages: the path or address as the user gave it, without credentials. */
  readonly name: string;

  /** Size of the raw image in bytes, where it is known before the end is reached. */
  readonly sizeBytes: number | undefined;

  /**
   * Set where the raw image is an open regular file or block device: then any part of it may be read
   * with positional reads, and `chunks` need not be used.
   */
  readonly fileDescriptor: number | undefined;

  /**
   * The bytes of the raw image, in order, in pieces of any size. A piece belongs to the caller until
   * the next one is asked for. Ends without an exception only if the image was complete: every
   * decoder reached its own end and its checksum was right, every connection delivered what it
   * announced, every child process returned 0.
   *
   * Bytes outside of `wanted` may be zeros in place of what is stored; then they are not checked, either.
   * Their number is right all the same. A checksum that covers them and wanted bytes may be passed over
   * only where the reader verifies those (`WantedRanges.areVerified`).
   * @throws {CorruptError} if the data is damaged or cut. @throws {SystemError} if reading fails.
   */
  chunks(signal: AbortSignal, wanted?: WantedRanges): AsyncIterable<Uint8Array>;

  /** Releases files, connections and children; safe to call at any time, also twice. */
  close(): Promise<void>;
}
