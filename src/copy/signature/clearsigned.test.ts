import { expect, it } from 'vitest';

import { isClearsigned, unwrapClearsigned } from './clearsigned.ts';

const HEADER = '-----BEGIN PGP SIGNED MESSAGE-----';
const SIGNATURE = '-----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----\n';

function unwrap(text: string): string {
  return Buffer.from(unwrapClearsigned(Buffer.from(text, 'latin1'), 'test')).toString('latin1');
}

it('knows a clearsigned text by its first line', () => {
  expect(isClearsigned(Buffer.from(`${HEADER}\n`))).toBe(true);
  expect(isClearsigned(Buffer.from(` ${HEADER}\n`))).toBe(false);
  expect(isClearsigned(Buffer.from(HEADER.slice(0, -1)))).toBe(false);
});

it.each([
  ['one\ntwo\n', 'one\ntwo\n'],
  ['- -dash\n- - item\n', '-dash\n- item\n'],
  ['crlf\r\nstays\r\n', 'crlf\r\nstays\r\n'],
  ['\nempty lines\n\n', '\nempty lines\n\n'],
  ['\xe4\xff\n', '\xe4\xff\n'],
  ['trailing \t\n', 'trailing \t\n'],
])('takes the wrapper off %j', (inside, text) => {
  expect(unwrap(`${HEADER}\nHash: SHA256\n\n${inside}${SIGNATURE}`)).toBe(text);
});

it('does without header lines, and ignores what follows the signature', () => {
  expect(unwrap(`${HEADER}\n\ntext\n${SIGNATURE}more`)).toBe('text\n');
  expect(unwrap(`${HEADER}\r\nHash: SHA256\r\n\r\ntext\r\n${SIGNATURE}`)).toBe('text\r\n');
});

it.each([
  [`${HEADER}\nHash: SHA256\ntext\n-----BEGIN PGP SIGNATURE-----\nx`, 'no empty line'],
  [`${HEADER}\n\ntext\n`, 'is cut'],
  [`${HEADER}\n\n-text\n${SIGNATURE}`, 'unescaped dash'],
])('refuses a broken wrapper', (text, problem) => {
  expect(() => unwrap(text)).toThrow(problem);
});
