/** What of a failed system call can be sent from one thread to another; `SystemError.from` takes it. */
export interface CallFailure {
  /** The errno name, for example `EIO`. */
  readonly code: string;
  readonly message: string;
}

/** @throws the error itself if no system call failed: that is a mistake of the caller, such as a descriptor that is no number. */
export function toCallFailure(error: unknown): CallFailure {
  const { errno, code = 'EUNKNOWN', message } = error as NodeJS.ErrnoException;
  if (errno === undefined) throw error;
  return { code, message };
}
