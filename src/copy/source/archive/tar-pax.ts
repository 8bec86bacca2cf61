/** Extended headers of tar: lines `LENGTH KEY=VALUE`. Source: POSIX pax, "pax Extended Header". */
import { CorruptError } from '../../../errors/errors.ts';

/** Records that apply to one member. */
export class PaxRecords {
  readonly #values = new Map<string, string>();
  readonly #sparseNumbers: string[] = [];

  get(key: string): string | undefined {
    return this.#values.get(key);
  }

  /** Whether anything is said about a sparse file. */
  get isSparse(): boolean {
    const keys = [...this.#values.keys()];
    return this.#sparseNumbers.length > 0 || keys.some((key) => key.startsWith('GNU.sparse.'));
  }

  /** The repeated records of sparse format 0.0, in the form of 0.1. */
  get sparseList(): string | undefined {
    const isSparse = this.#values.has('GNU.sparse.numblocks') || this.#sparseNumbers.length > 0;
    return isSparse ? this.#sparseNumbers.join(',') : undefined;
  }

  set(key: string, value: string): void {
    if (key === 'GNU.sparse.offset' || key === 'GNU.sparse.numbytes') {
      this.#sparseNumbers.push(value);
    } else {
      this.#values.set(key, value);
    }
  }
}

/** Adds what the content of an extended header says. @throws {CorruptError} kind `damaged`. */
export function parsePax(
  bytes: Buffer,
  records: PaxRecords,
  structure: string,
  startByte: number,
): void {
  let at = 0;
  while (at < bytes.length) {
    const digits = /^(\d{1,9}) /.exec(bytes.toString('latin1', at, at + 10))?.[1];
    const end = at + Number(digits);
    const text = bytes.toString('utf8', at + (digits?.length ?? 0) + 1, end - 1);
    const equals = text.indexOf('=');
    if (digits === undefined || end > bytes.length || bytes[end - 1] !== 0x0a || equals === -1) {
      const problem = 'an extended header makes no sense: the archive is damaged, so get it again';
      throw new CorruptError('damaged', { structure, startByte }, problem);
    }
    records.set(text.slice(0, equals), text.slice(equals + 1));
    at = end;
  }
}
