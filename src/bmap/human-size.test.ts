import { expect, it } from 'vitest';

import { formatHumanSize, formatPercent } from './human-size.ts';

it.each([
  [0, '0 bytes'],
  [1, '1 byte'],
  [511, '511 bytes'],
  [512, '0.5 KiB'],
  [1280, '1.2 KiB'], // 1.25: the half goes to the even digit
  [1792, '1.8 KiB'], // 1.75
  [821_752, '802.5 KiB'],
  [2 ** 20 - 1, '1024.0 KiB'],
  [2 ** 20, '1.0 MiB'],
  [2 ** 30 * 1.5, '1.5 GiB'],
  [2 ** 40 * 4, '4.0 TiB'],
  [2 ** 50 * 2, '2048.0 EiB'], // as bmaptool has it
])('%i bytes are %s', (sizeBytes, text) => {
  expect(formatHumanSize(sizeBytes)).toBe(text);
});

it.each([
  [0, 3, '0.0%'],
  [1, 3, '33.3%'],
  [1, 800, '0.1%'], // 0.125
  [1, 400, '0.2%'], // 0.25
  [3, 400, '0.8%'], // 0.75
  [3, 3, '100.0%'],
  [0, 0, '100.0%'],
])('%i of %i are %s', (part, whole, text) => {
  expect(formatPercent(part, whole)).toBe(text);
});
