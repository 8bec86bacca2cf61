import { expect, it } from 'vitest';

import { readAhead } from './read-ahead.ts';

it('leaves a piece alone while it is used, though the source has two buffers only', async () => {
  async function* source(): AsyncGenerator<Uint8Array> {
    const buffers = [new Uint8Array(1), new Uint8Array(1)];
    for (let index = 0; index < 20; index++) yield buffers[index % 2]!.fill(index);
  }
  const seen: number[] = [];
  for await (const piece of readAhead(source())) {
    await new Promise((resolve) => setImmediate(resolve));
    seen.push(piece[0]!);
  }
  expect(seen).toEqual(Array.from({ length: 20 }, (_, index) => index));
});
