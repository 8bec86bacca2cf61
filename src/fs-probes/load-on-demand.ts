/** What a probe found to be missing: neither damage nor a lack of ours, so no probe may catch it. */
export class NotLoadedError extends Error {
  override readonly name = 'NotLoadedError';
  readonly load: () => Promise<void>;

  /** @param what for the report of a bug, where nobody loads it. @param load makes it be there. */
  constructor(what: string, load: () => Promise<void>) {
    super(`${what} is not loaded`);
    this.load = load;
  }
}

/**
 * Probes are synchronous, but what few filesystems need is loaded when one is met: everything that asks
 * probes runs in here. `work` is done once more from its start after each load, so it must change
 * nothing outside of itself.
 */
export async function loadOnDemand<T>(work: () => T): Promise<T> {
  for (;;) {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof NotLoadedError)) throw error;
      await error.load();
    }
  }
}
