/** Starts gpg or gpgv on a signature. Both are told to ask nobody, neither people nor networks. */
import { spawn } from 'node:child_process';
import { accessSync, constants, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Readable } from 'node:stream';

import { SystemError } from '../../errors/errors.ts';

export type GpgProgram = 'gpg' | 'gpgv';

export interface GpgRequest {
  readonly program: GpgProgram;
  /** The signed file: the clearsigned text, or what the detached signature is about. */
  readonly signed: Uint8Array;
  readonly detachedSignature: Uint8Array | undefined;
  /** A file of public keys that alone are believed, not armored. */
  readonly keyring: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

export interface GpgAnswer {
  readonly exitCode: number;
  readonly status: string;
  /** The signed text of a clearsigned file. */
  readonly plaintext: Uint8Array;
  /** For people. */
  readonly messages: string;
}

/** True if the program is found along PATH. */
export function isInstalled(
  program: GpgProgram,
  env: Readonly<Record<string, string | undefined>>,
): boolean {
  return (env['PATH'] ?? '').split(':').some((folder) => {
    try {
      accessSync(path.join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** @throws {SystemError} if the program cannot be run. */
export async function runGpg(request: GpgRequest): Promise<GpgAnswer> {
  const folder = mkdtempSync(path.join(tmpdir(), 'bmap-gpg-'));
  try {
    return await runIn(folder, request);
  } catch (error) {
    request.signal.throwIfAborted();
    throw SystemError.from(error, request.program);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function runIn(folder: string, request: GpgRequest): Promise<GpgAnswer> {
  const { program, signed, detachedSignature, keyring } = request;
  const files = [path.join(folder, 'signed')];
  writeFileSync(files[0]!, signed);
  if (detachedSignature !== undefined) {
    files.unshift(path.join(folder, 'signature'));
    writeFileSync(files[0]!, detachedSignature);
  }
  const args = ['--status-fd', '3', '--output', '-'];
  if (program === 'gpg') {
    args.push('--batch', '--no-tty', '--no-auto-key-retrieve', '--no-auto-check-trustdb');
  }
  if (keyring !== undefined) {
    if (program === 'gpg') {
      const home = path.join(folder, 'home');
      mkdirSync(home, { mode: 0o700 });
      args.push('--homedir', home, '--no-default-keyring');
    }
    // Without a slash gpg would look for it in its home folder.
    args.push('--keyring', path.resolve(keyring));
  }
  if (program === 'gpg') args.push('--verify');
  args.push('--', ...files);
  return runChild(program, args, request);
}

async function runChild(
  program: string,
  args: readonly string[],
  { env, signal }: GpgRequest,
): Promise<GpgAnswer> {
  const child = spawn(program, args, {
    env: { ...env, LC_ALL: 'C' },
    signal,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 128));
  });
  const [exitCode, plaintext, messages, status] = await Promise.all([
    ended,
    collect(child.stdout),
    collect(child.stderr),
    collect(child.stdio[3] as Readable | null),
  ]);
  return {
    exitCode,
    plaintext,
    messages: messages.toString('utf8'),
    status: status.toString('utf8'),
  };
}

async function collect(stream: Readable | null): Promise<Buffer> {
  const parts: Buffer[] = [];
  if (stream === null) throw new TypeError('a pipe that was asked for is not there');
  for await (const part of stream) parts.push(part as Buffer);
  return Buffer.concat(parts);
}
