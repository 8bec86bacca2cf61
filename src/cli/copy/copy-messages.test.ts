import { expect, it } from 'vitest';

import { formatHumanTime } from './copy-messages.ts';

it.each([
  [0, '0.0s'],
  [3.44, '3.4s'],
  [62.3, '1m 2.3s'],
  [3723.4, '1h 2m 3.4s'],
  [3603, '1h 3.0s'],
])('%d seconds are %s', (seconds, text) => {
  expect(formatHumanTime(seconds)).toBe(text);
});
