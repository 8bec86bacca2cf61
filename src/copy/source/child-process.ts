/** Programs that make or change bytes. Their exit status is part of the data: without it, it is cut. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';

import type { InputContext } from './byte-input.ts';
import type { StreamReader } from './stream-reader.ts';

/** How a program ended. */
export type ProgramOutcome =
  | { readonly kind: 'ended' }
  | { readonly kind: 'not-found' }
  /** `status` is null after a signal; `text` is what it said. */
  | { readonly kind: 'failed'; readonly status: number | null; readonly text: string };

/** Enough for any message; what follows is dropped. */
const MAX_MESSAGE_CHARACTERS = 2000;

/**
 * Yields the standard output of a program and returns how it ended. With `input`, this is written to
 * its standard input; else that is empty. `secret` is given on descriptor 3. The program is ended if the caller stops early.
 * @throws what reading `input` throws; the reason of `context.signal` if it is aborted.
 */
export async function* pipeThrough(
  program: string,
  args: readonly string[],
  input: StreamReader | undefined,
  context: InputContext,
  secret?: string,
): AsyncGenerator<Uint8Array, ProgramOutcome> {
  context.signal.throwIfAborted();
  const child = spawn(program, args, {
    stdio: [
      input === undefined ? 'ignore' : 'pipe',
      'pipe',
      'pipe',
      ...(secret === undefined ? [] : ['pipe' as const]),
    ],
    ...(context.env !== undefined && { env: { ...context.env } }),
  });
  const ended = waitForEnd(child);
  if (secret !== undefined) (child.stdio[3] as Writable).on('error', () => {}).end(secret);
  const stop = (): void => void child.kill('SIGTERM');
  context.signal.addEventListener('abort', stop, { once: true });
  const feeding = input === undefined ? Promise.resolve() : feed(input, child.stdin!);
  feeding.catch(stop);
  try {
    yield* child.stdout as Readable & AsyncIterable<Uint8Array>;
    await feeding;
    const outcome = await ended;
    context.signal.throwIfAborted();
    return outcome;
  } finally {
    context.signal.removeEventListener('abort', stop);
    stop();
    await ended;
  }
}

function waitForEnd(child: ChildProcess): Promise<ProgramOutcome> {
  let text = '';
  child.stderr!.setEncoding('utf8').on('data', (part: string) => {
    text = (text + part).slice(0, MAX_MESSAGE_CHARACTERS);
  });
  return new Promise((resolve) => {
    child.once('error', (error: NodeJS.ErrnoException) => {
      const isMissing = error.code === 'ENOENT';
      resolve(
        isMissing ? { kind: 'not-found' } : { kind: 'failed', status: null, text: error.message },
      );
    });
    child.once('close', (status, signal) => {
      if (status === 0) resolve({ kind: 'ended' });
      const end = signal === null ? `exit status ${status}` : `ended by ${signal}`;
      resolve({
        kind: 'failed',
        status,
        text: text.trim() === '' ? end : `${text.trim()} (${end})`,
      });
    });
  });
}

/** Writes everything and closes. A program that stops listening says why with its exit status. */
async function feed(input: StreamReader, target: Writable): Promise<void> {
  let isGone = false;
  target.on('error', () => {
    isGone = true;
  });
  const closed = once(target, 'close').catch(() => {});
  for await (const piece of input.rest()) {
    if (isGone || target.destroyed) return;
    if (!target.write(piece)) await Promise.race([once(target, 'drain').catch(() => {}), closed]);
  }
  target.end();
}
