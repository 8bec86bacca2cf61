import { CorruptError, UnsupportedError } from '../errors/errors.ts';

/** A GPT has copies, so one that cannot be read is not the end: the failure is kept, and said. */
export type Attempt<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: CorruptError | UnsupportedError };

/** Any other error than the two goes through. */
export function attempt<T>(read: () => T): Attempt<T> {
  try {
    return { ok: true, value: read() };
  } catch (error) {
    if (error instanceof CorruptError || error instanceof UnsupportedError) {
      return { ok: false, error };
    }
    throw error;
  }
}
