/** A file from an FTP server, passive, in binary mode. */
import { PassThrough } from 'node:stream';

import type { Client } from 'basic-ftp';

import { SystemError } from '../../../errors/errors.ts';
import type { ByteInput, InputContext } from '../byte-input.ts';
import { decodePart, fileNameOf, loginOf, nameOf } from './address.ts';
import { findLogin } from './netrc.ts';

const TIMEOUT_MS = 60_000;
const BUFFER_BYTES = 2 ** 20;

/** @throws {SystemError} kind `not-found`, `ftp-NNN` for other refusals, or the errno name. */
export async function openFtpInput(url: URL, context: InputContext): Promise<ByteInput> {
  const { Client } = await import('basic-ftp');
  const client = new Client(TIMEOUT_MS);
  const close = (): void => client.close();
  context.signal.addEventListener('abort', close, { once: true });
  const login = loginOf(url) ?? findLogin(url.hostname, context.env ?? {});
  // RFC 1738, 3.2.2: the path starts in the folder that one is in after login.
  const path = decodePart(url.pathname.slice(1), url);
  try {
    await client.access({
      host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
      port: url.port === '' ? 21 : Number(url.port),
      ...(login !== undefined && { user: login.user, password: login.password }),
    });
    const sizeBytes = await findSize(client, path);
    return new FtpInput(client, url, path, sizeBytes, context);
  } catch (error) {
    client.close();
    context.signal.throwIfAborted();
    throw fromFtpError(error, nameOf(url));
  }
}

/** Undefined if the server does not know the command, which is younger than FTP. RFC 3659, 4. */
async function findSize(client: Client, path: string): Promise<number | undefined> {
  try {
    return await client.size(path);
  } catch (error) {
    if ([500, 502].includes((error as { code?: number }).code ?? 0)) return undefined;
    throw error;
  }
}

class FtpInput implements ByteInput {
  readonly name: string;
  readonly fileName: string;
  readonly sizeBytes: number | undefined;
  readonly fileDescriptor = undefined;
  readonly #client: Client;
  readonly #path: string;
  readonly #context: InputContext;

  constructor(
    client: Client,
    url: URL,
    path: string,
    sizeBytes: number | undefined,
    context: InputContext,
  ) {
    this.#client = client;
    this.#path = path;
    this.#context = context;
    this.name = nameOf(url);
    this.fileName = fileNameOf(url);
    this.sizeBytes = sizeBytes;
  }

  async *pieces(): AsyncGenerator<Uint8Array> {
    const target = new PassThrough({ highWaterMark: BUFFER_BYTES });
    // Settled only when the server confirmed the end of the transfer.
    const transfer = this.#client.downloadTo(target, this.#path);
    transfer.catch((error: unknown) => target.destroy(error as Error));
    let receivedBytes = 0;
    try {
      for await (const piece of target as AsyncIterable<Uint8Array>) {
        receivedBytes += piece.length;
        yield piece;
      }
      await transfer;
    } catch (error) {
      this.#context.signal.throwIfAborted();
      throw fromFtpError(error, this.name);
    } finally {
      target.destroy();
    }
    if (this.sizeBytes === undefined || receivedBytes === this.sizeBytes) return;
    const text = `the transfer ended after ${receivedBytes} of ${this.sizeBytes} bytes; try again`;
    throw new SystemError('interrupted', this.name, text);
  }

  async close(): Promise<void> {
    this.#client.close();
  }
}

/** Errors of the server have its number as code; 550 is what SIZE and RETR say of a missing file. */
function fromFtpError(error: unknown, name: string): SystemError {
  if (error instanceof SystemError) return error;
  const { code, message } = error as { code?: number | string; message: string };
  const kind = code === 550 ? 'not-found' : typeof code === 'number' ? `ftp-${code}` : code;
  return new SystemError(kind ?? 'connection', name, message, { cause: error });
}
