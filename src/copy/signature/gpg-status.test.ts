import { expect, it } from 'vitest';

import { parseGpgStatus } from './gpg-status.ts';

const FPR = 'A'.repeat(40);
const PRIMARY = 'B'.repeat(40);
const GOOD = [
  '[GNUPG:] NEWSIG',
  `[GNUPG:] GOODSIG ${FPR.slice(24)} A%20B <a@b.org>`,
  `[GNUPG:] VALIDSIG ${FPR} 2026-01-01 1767225600 0 4 0 22 10 00 ${PRIMARY}`,
];

it('takes a signer from a good and valid signature', () => {
  expect(parseGpgStatus(GOOD.join('\n'))).toEqual({
    signers: [{ userId: 'A B <a@b.org>', fingerprint: FPR, primaryFingerprint: PRIMARY }],
    objections: [],
    isUntrusted: false,
  });
});

it('takes none from a valid signature that is not good, nor the other way round', () => {
  expect(parseGpgStatus(GOOD.toSpliced(1, 1).join('\n')).signers).toEqual([]);
  expect(parseGpgStatus(GOOD.toSpliced(2, 1).join('\n')).signers).toEqual([]);
  const mixed = [GOOD[1], '[GNUPG:] NEWSIG', GOOD[2]].join('\n');
  expect(parseGpgStatus(mixed).signers).toEqual([]);
});

it.each(['BADSIG', 'ERRSIG', 'EXPSIG', 'EXPKEYSIG', 'REVKEYSIG', 'NO_PUBKEY', 'TRUST_NEVER'])(
  'sees %s beside a good signature',
  (word) => {
    const text = [...GOOD, `[GNUPG:] ${word} 0123`].join('\n');
    expect(parseGpgStatus(text).objections).toEqual([word]);
  },
);

it('tells that nobody vouches for the key', () => {
  expect(parseGpgStatus([...GOOD, '[GNUPG:] TRUST_UNDEFINED 0 pgp'].join('\n')).isUntrusted).toBe(
    true,
  );
});

it('reads only lines of gpg itself', () => {
  const fake = GOOD.map((line) => `gpg: ${line}`).join('\n');
  expect(parseGpgStatus(fake).signers).toEqual([]);
});

it('keeps a percent sign that is no escape', () => {
  const text = GOOD.join('\n').replace('A%20B', '100%');
  expect(parseGpgStatus(text).signers[0]?.userId).toBe('100% <a@b.org>');
});
