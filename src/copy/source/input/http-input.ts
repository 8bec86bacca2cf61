/**
 * A file from a web server. A body that ends before its announced length is continued with a request
 * for the rest, if the server can promise that it is the rest of the same file. Source: RFC 9110,
 * sections 13.1.5 (If-Range) and 14 (Range).
 */
import { setTimeout as delay } from 'node:timers/promises';

import { SystemError } from '../../../errors/errors.ts';
import type { ByteInput, InputContext } from '../byte-input.ts';
import { fileNameOf, nameOf } from './address.ts';
import { fromHttpError, HttpClient, type HttpAnswer } from './http-client.ts';

/** Pauses before one attempt after the other; after a byte has arrived it starts over. */
const RETRY_DELAYS_MS: readonly number[] = [0, 1000, 2000, 4000, 8000];

/** Asks for `url` and waits for the answer. @throws {SystemError} kind `not-found` for 404 and 410. */
export async function openHttpInput(
  url: URL,
  context: InputContext,
  retryDelaysMs = RETRY_DELAYS_MS,
): Promise<ByteInput> {
  const client = new HttpClient(url, context);
  const name = nameOf(url);
  const fileName = fileNameOf(url);
  try {
    const answer = await client.get({});
    assertSuccess(answer, name);
    return new HttpInput(client, answer, { name, fileName, context, retryDelaysMs });
  } catch (error) {
    await client.close();
    throw error;
  }
}

interface HttpInputOptions {
  readonly name: string;
  readonly fileName: string;
  readonly context: InputContext;
  readonly retryDelaysMs: readonly number[];
}

class HttpInput implements ByteInput {
  readonly name: string;
  readonly fileName: string;
  readonly sizeBytes: number | undefined;
  readonly fileDescriptor = undefined;
  readonly contentType: string;
  readonly #client: HttpClient;
  readonly #context: InputContext;
  readonly #retryDelaysMs: readonly number[];
  /** What tells this version of the file from any other; undefined if the server has nothing. */
  readonly #validator: string | undefined;
  #answer: HttpAnswer;
  #receivedBytes = 0;

  constructor(client: HttpClient, answer: HttpAnswer, options: HttpInputOptions) {
    this.#client = client;
    this.#answer = answer;
    this.name = options.name;
    this.fileName = options.fileName;
    this.#context = options.context;
    this.#retryDelaysMs = options.retryDelaysMs;
    const length = answer.header('content-length');
    this.sizeBytes = length === undefined ? undefined : Number(length);
    this.contentType = answer.header('content-type') ?? '';
    this.#validator = this.#validatorOf(answer);
  }

  async *pieces(): AsyncGenerator<Uint8Array> {
    let attempt = 0;
    for (;;) {
      const before = this.#receivedBytes;
      const failure = yield* this.#readBody();
      if (failure === undefined) return;
      if (this.#receivedBytes > before) attempt = 0;
      await this.#resume(failure, attempt);
      attempt++;
    }
  }

  async close(): Promise<void> {
    this.#answer.body.destroy();
    await this.#client.close();
  }

  /** A strong entity tag, else the time of the last change. */
  #validatorOf(answer: HttpAnswer): string | undefined {
    const tag = answer.header('etag');
    const isStrong = tag !== undefined && !tag.startsWith('W/');
    return isStrong ? tag : answer.header('last-modified');
  }

  /** @returns why the body ended too early, or undefined if it is complete. */
  async *#readBody(): AsyncGenerator<Uint8Array, SystemError | undefined> {
    try {
      for await (const piece of this.#answer.body) {
        if (piece.length === 0) continue;
        this.#receivedBytes += piece.length;
        yield piece;
      }
    } catch (error) {
      this.#context.signal.throwIfAborted();
      return fromHttpError(error, this.name);
    }
    this.#context.signal.throwIfAborted();
    if (this.sizeBytes === undefined || this.#receivedBytes === this.sizeBytes) return undefined;
    return new SystemError('connection', this.name, 'the connection was closed; try again');
  }

  /** Has the rest sent. @throws {SystemError} kind `interrupted` if that is not possible. */
  async #resume(failure: SystemError, attempt: number): Promise<void> {
    const delayMs = this.#retryDelaysMs[attempt];
    const at = `after ${this.#receivedBytes} of ${this.sizeBytes ?? 'an unknown number of'} bytes`;
    const give = (why: string, cause: unknown): SystemError =>
      new SystemError('interrupted', this.name, `the download ended ${at}, ${why}`, { cause });
    if (this.#validator === undefined || this.sizeBytes === undefined) {
      throw give(`and the server gives no means to continue it (${failure.message})`, failure);
    }
    if (delayMs === undefined) {
      throw give(`and could not be continued (${failure.message})`, failure);
    }
    this.#context.onDebug(`${failure.message} ${at}; asking for the rest in ${delayMs} ms`);
    await delay(delayMs, undefined, { signal: this.#context.signal });
    let answer: HttpAnswer;
    try {
      answer = await this.#client.get({
        range: `bytes=${this.#receivedBytes}-`,
        'if-range': this.#validator,
      });
    } catch (error) {
      this.#context.signal.throwIfAborted();
      if (!(error instanceof SystemError)) throw error;
      return this.#resume(error, attempt + 1);
    }
    if (answer.status >= 500) {
      answer.body.destroy();
      return this.#resume(statusError(answer, this.name), attempt + 1);
    }
    const range = `bytes ${this.#receivedBytes}-${this.sizeBytes - 1}/${this.sizeBytes}`;
    const isSame = [undefined, this.#validator].includes(this.#validatorOf(answer));
    if (answer.status !== 206 || answer.header('content-range') !== range || !isSame) {
      answer.body.destroy();
      const why =
        answer.status === 200
          ? 'and the server starts again from the beginning: the file was changed, or the server cannot continue'
          : `and the server answers ${answer.status} when asked for the rest`;
      throw give(why, failure);
    }
    this.#answer = answer;
  }
}

/** Some servers declare the compression of a .gz file here, and send it as it is: that does no harm. */
const HARMLESS_ENCODINGS: readonly string[] = ['', 'identity', 'gzip', 'x-gzip'];

function assertSuccess(answer: HttpAnswer, name: string): void {
  const encoding = answer.header('content-encoding') ?? '';
  if (answer.status === 200 && HARMLESS_ENCODINGS.includes(encoding.toLowerCase())) return;
  answer.body.destroy();
  if (answer.status !== 200) throw statusError(answer, name);
  const text = `the server sends the file in the encoding ${encoding}, which nobody asked for; get the file with another program, and copy that`;
  throw new SystemError('content-encoding', name, text);
}

/** Stores that do not list what they have answer 403 for what they do not have, too. */
const STATUS_KINDS: ReadonlyMap<number, string> = new Map([
  [403, 'forbidden'],
  [404, 'not-found'],
  [410, 'not-found'],
]);

const STATUS_HINTS: ReadonlyMap<number, string> = new Map([
  [401, ': name and password are missing or wrong'],
  [403, ': it does not give out this file; is the address right?'],
  [404, ': it has no such file; is the address right?'],
  [410, ': it does not have this file any more'],
]);

function statusError({ status }: HttpAnswer, name: string): SystemError {
  const kind = STATUS_KINDS.get(status) ?? 'http-status';
  const hint = STATUS_HINTS.get(status) ?? (status >= 500 ? ': try again later' : '');
  return new SystemError(kind, name, `the server answers with status ${status}${hint}`);
}
