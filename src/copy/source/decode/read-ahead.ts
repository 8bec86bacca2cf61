/**
 * Has the next piece made while the last one is used: decoding on one processor, hashing and writing
 * on another. A piece stays as it is until the next is asked for, if the source leaves each alone until the
 * second one after it is asked for.
 */
export async function* readAhead(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const iterator = source[Symbol.asyncIterator]();
  let pending = askFor(iterator);
  try {
    for (;;) {
      const result = await pending;
      if (result.done === true) return;
      pending = askFor(iterator);
      yield result.value;
    }
  } finally {
    // Whoever stops early has no use for how the piece that is still being made turns out.
    await pending.catch(() => {});
    await iterator.return?.();
  }
}

function askFor(iterator: AsyncIterator<Uint8Array>): Promise<IteratorResult<Uint8Array>> {
  const pending = iterator.next();
  // It may fail before anybody waits for it; whoever does wait sees the failure all the same.
  pending.catch(() => {});
  return pending;
}
