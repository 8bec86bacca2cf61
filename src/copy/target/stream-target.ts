/**
 * What can only be written from its start on: pipes and character devices. They get the whole image,
 * zeros where the map leaves something out, since a reader at the other end sees no positions.
 */
import type { ByteSink } from './byte-sink.ts';
import type { CompleteOptions, CopyTarget } from './copy-target.ts';
import type { Part } from './target-io.ts';

const ZEROS = new Uint8Array(2 ** 20);

export class StreamTarget implements CopyTarget {
  readonly path: string;
  readonly wantsPages = false;
  readonly openForThreads = undefined;
  readonly #sink: ByteSink;
  /** `/dev/null` takes everything anywhere: there is nothing to fill. */
  readonly #forgetsAll: boolean;
  #positionByte = 0;
  #mayHaveChanged = false;

  constructor(path: string, sink: ByteSink, forgetsAll: boolean) {
    this.path = path;
    this.#sink = sink;
    this.#forgetsAll = forgetsAll;
  }

  get mayHaveChanged(): boolean {
    return this.#mayHaveChanged;
  }

  /** Opening a named pipe waits for its reader. */
  async claim(): Promise<void> {
    await this.#sink.open();
  }

  async write(parts: readonly Part[]): Promise<void> {
    for (const { bytes, startByte } of parts) {
      await this.#fillTo(startByte);
      await this.#write(bytes);
    }
  }

  async complete({ endByte, signal }: CompleteOptions): Promise<void> {
    await this.#fillTo(endByte, signal);
  }

  /** Neither pipes nor character devices keep anything back. */
  async flush(): Promise<void> {}

  async openForCheck(): Promise<undefined> {
    return undefined;
  }

  async close(): Promise<void> {
    await this.#sink.close();
  }

  async #fillTo(startByte: number, signal?: AbortSignal): Promise<void> {
    if (this.#forgetsAll) return;
    while (this.#positionByte < startByte) {
      signal?.throwIfAborted();
      const lengthBytes = Math.min(ZEROS.length, startByte - this.#positionByte);
      await this.#write(ZEROS.subarray(0, lengthBytes));
    }
  }

  async #write(bytes: Uint8Array): Promise<void> {
    this.#mayHaveChanged = true;
    await this.#sink.write(bytes, this.#positionByte);
    this.#positionByte += bytes.length;
  }
}
