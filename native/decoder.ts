/** What the decompressing libraries have in common. */

/** What one call of a decoder did. */
export interface DecodeStep {
  readonly consumedBytes: number;
  readonly producedBytes: number;
  /** The data could end here: a stream or frame is complete, and its checksum was right. */
  readonly isComplete: boolean;
}

/** A decompressor that takes input and gives output in portions. Not for use by two at a time. */
export interface NativeDecoder {
  /** The library's, for debugging. */
  readonly name: string;

  /**
   * Takes what it can of `input` and fills what it can of `output`. `isLast` promises that nothing
   * follows `input`; then it may be empty.
   * @throws {NativeDecodeError}
   */
  step(input: Uint8Array, isLast: boolean, output: Uint8Array): Promise<DecodeStep>;

  /** Frees the memory. Not while a step is running. */
  close(): void;
}

/** The library refuses the data. Whoever knows the file makes an error for users of it. */
export class NativeDecodeError extends Error {
  readonly kind: 'damaged' | 'unsupported' | 'out-of-memory';

  constructor(kind: NativeDecodeError['kind'], message: string) {
    super(message);
    this.name = 'NativeDecodeError';
    this.kind = kind;
  }
}
