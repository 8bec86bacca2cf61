/**
 * A file from another host by the installed ssh program, which knows keys, agents, host keys and the
 * user's configuration, and asks on the terminal for what is missing. The remote command is `cat`.
 */
import { SystemError, UnsupportedError, UsageError } from '../../../errors/errors.ts';
import type { ByteInput, InputContext } from '../byte-input.ts';
import { pipeThrough, type ProgramOutcome } from '../child-process.ts';
import { StreamReader } from '../stream-reader.ts';
import { decodePart, fileNameOf, loginOf, nameOf } from './address.ts';

/** What ssh itself exits with, as opposed to the remote command. */
const SSH_FAILED = 255;

/** Waits for the first bytes. @throws {SystemError} kind `not-found` or `ssh`. */
export async function openSshInput(url: URL, context: InputContext): Promise<ByteInput> {
  const call = new SshCall(url, context);
  const reader = new StreamReader(call.read());
  await reader.peek(1);
  return {
    name: nameOf(url),
    fileName: fileNameOf(url),
    sizeBytes: undefined,
    fileDescriptor: undefined,
    pieces: () => reader.rest(),
    close: async () => {
      call.stop();
      await reader.close();
    },
  };
}

class SshCall {
  readonly #name: string;
  readonly #path: string;
  readonly #program: string;
  readonly #args: readonly string[];
  readonly #secret: string | undefined;
  readonly #context: InputContext;
  readonly #control = new AbortController();

  constructor(url: URL, context: InputContext) {
    this.#name = nameOf(url);
    const login = loginOf(url);
    const host = decodePart(url.hostname, url).replace(/^\[(.*)\]$/, '$1');
    // Whatever starts with a dash would be an option, some of which run programs.
    if (!/^[\p{L}\p{N}_:][\p{L}\p{N}_.:%-]*$/u.test(host) || login?.user.startsWith('-') === true) {
      throw new UsageError('bad-address', `${this.#name}: this is not a host or user name`);
    }
    // As git has it: /~/ is the home folder, anything else starts at the root.
    this.#path = decodePart(url.pathname, url).replace(/^\/~\//, '');
    if (this.#path === '' || this.#path === '/') {
      throw new UsageError('bad-address', `${this.#name}: the address has no path`);
    }
    const ssh = [
      ...(url.port === '' ? [] : ['-p', url.port]),
      ...(login === undefined || login.user === '' ? [] : ['-l', login.user]),
      '--',
      host,
    ];
    const password = login?.password ?? '';
    // sshpass answers the question for the password, which it reads from the fourth descriptor: arguments
    // are visible to everyone.
    this.#program = password === '' ? 'ssh' : 'sshpass';
    this.#args = password === '' ? ssh : ['-d3', 'ssh', ...ssh];
    this.#secret = password === '' ? undefined : `${password}\n`;
    this.#context = { ...context, signal: AbortSignal.any([context.signal, this.#control.signal]) };
  }

  async *read(): AsyncGenerator<Uint8Array> {
    const outcome = yield* this.#run(`cat -- ${quote(this.#path)}`);
    if (outcome.kind === 'ended') return;
    if (outcome.kind === 'not-found') {
      const place = { structure: this.#name };
      const text = `the program ${this.#program} is not installed; on Debian: apt-get install ${this.#program === 'ssh' ? 'openssh-client' : 'sshpass'}`;
      throw new UnsupportedError('no-ssh', place, text);
    }
    const isMissing = outcome.status !== SSH_FAILED && !(await this.#exists());
    throw new SystemError(isMissing ? 'not-found' : 'ssh', this.#name, outcome.text);
  }

  stop(): void {
    this.#control.abort();
  }

  #run(command: string): AsyncGenerator<Uint8Array, ProgramOutcome> {
    const args = [...this.#args, command];
    return pipeThrough(this.#program, args, undefined, this.#context, this.#secret);
  }

  /** Whether the file is there. Only asked where it could not be read, to know why. */
  async #exists(): Promise<boolean> {
    const test = this.#run(`test -e ${quote(this.#path)}`);
    for (;;) {
      const { done, value } = await test.next();
      if (done === true) return !(value.kind === 'failed' && value.status === 1);
    }
  }
}

/** For the shell of the other host. Inside single quotes only the single quote has a meaning. */
function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
