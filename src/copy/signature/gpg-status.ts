/**
 * What gpg and gpgv say for machines, one line for each fact. The lines come on a descriptor of their
 * own, where no name inside a key can fake one. Source: GnuPG `doc/DETAILS`, "Format of the --status-fd
 * output".
 */

export interface Signer {
  /** As the key says. */
  readonly userId: string;
  /** Of the key that signed, 40 or 64 upper-case hex digits. */
  readonly fingerprint: string;
  /** Of the key it belongs to; the same unless a subkey signed. */
  readonly primaryFingerprint: string;
}

export interface GpgVerdict {
  /** Signatures that are good, by keys that are known and neither expired nor revoked. */
  readonly signers: readonly Signer[];
  /** What speaks against believing them, as status words such as `BADSIG`. */
  readonly objections: readonly string[];
  /** True if no good signature is by a key that the user's web of trust vouches for. */
  readonly isUntrusted: boolean;
}

const OBJECTIONS: ReadonlySet<string> = new Set([
  'BADSIG',
  'ERRSIG',
  'EXPSIG',
  'EXPKEYSIG',
  'REVKEYSIG',
  'NO_PUBKEY',
  'NODATA',
  'BADARMOR',
  'TRUST_NEVER',
  'FAILURE',
  'UNEXPECTED',
]);

export function parseGpgStatus(text: string): GpgVerdict {
  const records = text
    .split('\n')
    .filter((line) => line.startsWith('[GNUPG:] '))
    .map((line) => line.slice('[GNUPG:] '.length).split(' '));
  const signers: Signer[] = [];
  let userId: string | undefined;
  for (const [word, ...fields] of records) {
    if (word === 'NEWSIG') userId = undefined;
    if (word === 'GOODSIG') userId = decodePercent(fields.slice(1).join(' '));
    // Follows the GOODSIG of the same signature; alone it says nothing.
    const [fingerprint] = fields;
    if (word !== 'VALIDSIG' || userId === undefined || fingerprint === undefined) continue;
    signers.push({ userId, fingerprint, primaryFingerprint: fields[9] ?? fingerprint });
    userId = undefined;
  }
  const words = records.map(([word]) => word ?? '');
  return {
    signers,
    objections: [...new Set(words.filter((word) => OBJECTIONS.has(word)))],
    isUntrusted: words.some((word) => word === 'TRUST_UNDEFINED' || word === 'TRUST_UNKNOWN'),
  };
}

function decodePercent(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A percent sign that is no escape.
    return text;
  }
}
