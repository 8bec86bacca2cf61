import { expect, it } from 'vitest';

import { loadOnDemand, NotLoadedError } from './load-on-demand.ts';

it('loads what is missing, one thing after the other, and begins again each time', async () => {
  const loaded: string[] = [];
  const need = (what: string): void => {
    if (loaded.includes(what)) return;
    throw new NotLoadedError(what, async () => void loaded.push(what));
  };
  let starts = 0;
  const result = await loadOnDemand(() => {
    starts++;
    need('first');
    need('second');
    return 'done';
  });
  expect({ result, starts, loaded }).toEqual({
    result: 'done',
    starts: 3,
    loaded: ['first', 'second'],
  });
});

it('passes on what the work throws, and why a load failed', async () => {
  const work = (error: Error) => () => {
    throw error;
  };
  await expect(loadOnDemand(work(new RangeError('outside')))).rejects.toThrow('outside');
  const missing = new NotLoadedError('hash', async () => {
    throw new Error('no such package');
  });
  await expect(loadOnDemand(work(missing))).rejects.toThrow('no such package');
});
