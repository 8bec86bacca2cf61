/** Opens an image wherever it is and however it is packed. */
import type { Readable } from 'node:stream';

import type { Finding } from '../../errors/finding.ts';
import type { ByteInput, InputContext } from './byte-input.ts';
import type { ImageSource } from './image-source.ts';
import { unwrap, type UnwrappedImage } from './layers.ts';
import { openInput } from './open-input.ts';
import type { WantedRanges } from './wanted-bytes.ts';

export interface SourceOptions {
  /** Which member of an archive is the image: its path in there, or the last part of it. */
  readonly member?: string | undefined;
  /** What `-` stands for. It is destroyed when the source is closed. */
  readonly stdin?: Readable | undefined;
  /** Environment for proxies, ~/.netrc and child processes. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Stops the opening; reading has a signal of its own. */
  readonly signal?: AbortSignal | undefined;
  /** What the user should know, for example that a name and the content contradict each other. */
  readonly onFinding?: ((finding: Finding) => void) | undefined;
  /** What is done by which means. */
  readonly onDebug?: ((text: string) => void) | undefined;
}

/**
 * Opens `location`: `-` for standard input, an address (http, https, ftp, ssh, file), or a path. Looks
 * at its start, so that an archive without an image, a block map in place of the image or a page of
 * text are known before anything is written. An archive in a file is listed whole; one in a compressed
 * file is decompressed once more for that.
 *
 * `chunks` of a file can be asked for repeatedly, of anything else once.
 * @throws {SystemError} @throws {CorruptError} @throws {UnsupportedError} @throws {UsageError}
 */
export async function openSource(
  location: string,
  options: SourceOptions = {},
): Promise<ImageSource> {
  const control = new AbortController();
  const release = forwardAbort(options.signal, control);
  const context = makeContext(options, control.signal);
  let input: ByteInput | undefined;
  try {
    input = await openInput(location, options.stdin, context);
    const unwrapped = await unwrap(input, options.member, context);
    if (input.fileDescriptor === undefined) {
      return new UnwrappedSource(input, unwrapped, async () => unwrapped, control);
    }
    const reopen = async (): Promise<UnwrappedImage> =>
      unwrap(input!, options.member, quiet(context));
    try {
      await unwrapped.finish();
    } finally {
      await unwrapped.close();
    }
    return new UnwrappedSource(input, unwrapped, reopen, control);
  } catch (error) {
    const reason: unknown = control.signal.aborted ? control.signal.reason : error;
    control.abort();
    await input?.close();
    throw reason;
  } finally {
    release();
  }
}

/** What inputs and decoders need, from what the user of the library gives. */
export function makeContext(options: SourceOptions, signal: AbortSignal): InputContext {
  return {
    env: options.env,
    signal,
    onDebug: options.onDebug ?? (() => {}),
    onFinding: options.onFinding ?? (() => {}),
  };
}

/** @returns a function that ends the forwarding. */
export function forwardAbort(
  signal: AbortSignal | undefined,
  control: AbortController,
): () => void {
  const forward = (): void => control.abort(signal?.reason);
  if (signal?.aborted === true) forward();
  signal?.addEventListener('abort', forward, { once: true });
  return () => signal?.removeEventListener('abort', forward);
}

/** What was said when the source was opened need not be said again. */
function quiet(context: InputContext): InputContext {
  return { ...context, onFinding: () => {}, onDebug: () => {} };
}

class UnwrappedSource implements ImageSource {
  readonly name: string;
  readonly sizeBytes: number | undefined;
  readonly fileDescriptor: number | undefined;
  readonly #input: ByteInput;
  readonly #first: UnwrappedImage;
  readonly #open: () => Promise<UnwrappedImage>;
  readonly #control: AbortController;
  #isTaken = false;

  constructor(
    input: ByteInput,
    first: UnwrappedImage,
    open: () => Promise<UnwrappedImage>,
    control: AbortController,
  ) {
    this.#input = input;
    this.#first = first;
    this.#open = open;
    this.#control = control;
    this.name = input.name;
    this.sizeBytes = first.sizeBytes;
    this.fileDescriptor = first.isRaw ? input.fileDescriptor : undefined;
  }

  async *chunks(signal: AbortSignal, wanted?: WantedRanges): AsyncGenerator<Uint8Array> {
    const isStream = this.#input.fileDescriptor === undefined;
    if (isStream && this.#isTaken) throw new RangeError(`${this.name} can be read only once`);
    this.#isTaken = true;
    const release = forwardAbort(signal, this.#control);
    let unwrapped: UnwrappedImage | undefined;
    let isComplete = false;
    try {
      this.#control.signal.throwIfAborted();
      unwrapped = await this.#open();
      if (wanted !== undefined) unwrapped.wanted.limitTo(wanted);
      for await (const piece of unwrapped.image.rest()) {
        this.#control.signal.throwIfAborted();
        yield piece;
      }
      await unwrapped.finish();
      isComplete = true;
    } catch (error) {
      this.#control.signal.throwIfAborted();
      throw error;
    } finally {
      release();
      // Whoever waits for a connection must be told first, or closing would wait as well.
      if (isStream && !isComplete) this.#control.abort();
      await unwrapped?.close();
    }
  }

  async close(): Promise<void> {
    this.#control.abort();
    // What was opened to look at the start, and never read.
    if (!this.#isTaken) await this.#first.close();
    await this.#input.close();
  }
}
