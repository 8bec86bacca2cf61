/**
 * Looks ahead in, and takes exact parts out of, bytes that come in pieces of any size. A piece of the
 * source need not stay as it is when the next one is asked for; what is taken or peeked stays as long.
 */
import { CorruptError } from '../../errors/errors.ts';

export class StreamReader {
  readonly #source: AsyncIterator<Uint8Array>;
  /** Received, but not yet taken. */
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #isSourceAtEnd = false;
  #takenBytes = 0;

  constructor(pieces: AsyncIterable<Uint8Array>) {
    this.#source = pieces[Symbol.asyncIterator]();
  }

  /** How many bytes were taken so far. */
  get positionBytes(): number {
    return this.#takenBytes;
  }

  /** The next bytes without taking them: `lengthBytes`, or fewer if the stream ends before. */
  async peek(lengthBytes: number): Promise<Uint8Array> {
    while (this.#waitingBytes < lengthBytes) {
      this.#keepLast();
      if (!(await this.#receive())) break;
    }
    const first = this.#waiting[0];
    if (first !== undefined && first.length >= lengthBytes) return first.subarray(0, lengthBytes);
    const joined = Buffer.concat(this.#waiting);
    this.#waiting = joined.length === 0 ? [] : [joined];
    return joined.subarray(0, lengthBytes);
  }

  async isAtEnd(): Promise<boolean> {
    return this.#waitingBytes === 0 && !(await this.#receive());
  }

  /** Takes what is there, at most `limitBytes`; undefined at the end. Never empty. */
  async next(limitBytes = Infinity): Promise<Uint8Array | undefined> {
    if (await this.isAtEnd()) return undefined;
    const first = this.#waiting[0]!;
    const piece = first.length <= limitBytes ? first : first.subarray(0, limitBytes);
    if (piece === first) this.#waiting.shift();
    else this.#waiting[0] = first.subarray(limitBytes);
    this.#waitingBytes -= piece.length;
    this.#takenBytes += piece.length;
    return piece;
  }

  /** Gives back the last bytes that were taken. */
  unread(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#waiting.unshift(Uint8Array.from(bytes));
    this.#waitingBytes += bytes.length;
    this.#takenBytes -= bytes.length;
  }

  /** Takes exactly `lengthBytes` in one run. @throws {CorruptError} kind `truncated`. */
  async take(lengthBytes: number, structure: string): Promise<Uint8Array> {
    const bytes = await this.peek(lengthBytes);
    if (bytes.length < lengthBytes) throw this.truncated(structure);
    let left = lengthBytes;
    while (left > 0) left -= (await this.next(left))!.length;
    return bytes;
  }

  /** Takes exactly `lengthBytes`, piece by piece. @throws {CorruptError} kind `truncated`. */
  async *pieces(lengthBytes: number, structure: string): AsyncGenerator<Uint8Array> {
    let left = lengthBytes;
    while (left > 0) {
      const piece = await this.next(left);
      if (piece === undefined) throw this.truncated(structure);
      left -= piece.length;
      yield piece;
    }
  }

  async skip(lengthBytes: number, structure: string): Promise<void> {
    for await (const piece of this.pieces(lengthBytes, structure)) void piece;
  }

  /** Takes everything up to the end. */
  async *rest(): AsyncGenerator<Uint8Array> {
    for (let piece = await this.next(); piece !== undefined; piece = await this.next()) yield piece;
  }

  /** The error for a stream that ends too early, at the place where it ends. */
  truncated(structure: string): CorruptError {
    const startByte = this.#takenBytes + this.#waitingBytes;
    return new CorruptError(
      'truncated',
      { structure, startByte },
      'the data ends too early: the file is cut, so get it again',
    );
  }

  /** Lets go of the source, whether it was read to its end or not. */
  async close(): Promise<void> {
    await this.#source.return?.();
  }

  /** What came last is not ours any more when the next piece is asked for; the others are copies. */
  #keepLast(): void {
    const last = this.#waiting.pop();
    if (last !== undefined) this.#waiting.push(Uint8Array.from(last));
  }

  async #receive(): Promise<boolean> {
    if (this.#isSourceAtEnd) return false;
    const result = await this.#source.next();
    if (result.done === true) {
      this.#isSourceAtEnd = true;
      return false;
    }
    this.#waiting.push(result.value);
    this.#waitingBytes += result.value.length;
    return true;
  }
}
