/**
 * Who signed a map. Only what gpg says is believed, and of a clearsigned map only the text that gpg
 * returned is used: what stands around it in the file was signed by nobody.
 */
import { readFileSync } from 'node:fs';

import { CorruptError, RefusedError, SystemError, UsageError } from '../../errors/errors.ts';
import type { Finding } from '../../errors/finding.ts';
import { parseGpgStatus, type GpgVerdict, type Signer } from './gpg-status.ts';
import { isInstalled, runGpg, type GpgAnswer, type GpgProgram } from './run-gpg.ts';

const ARMOR = '-----BEGIN PGP PUBLIC KEY BLOCK-----';

export interface SignatureRequest {
  /** The map as it was found. */
  readonly map: NamedBytes;
  /** The signature in a file of its own; undefined for a clearsigned map. */
  readonly detached: NamedBytes | undefined;
  readonly keyring: string | undefined;
  /** The signer that is expected. */
  readonly fingerprint: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  readonly onProgram: (program: GpgProgram) => void;
  readonly onFinding: (finding: Finding) => void;
}

export interface NamedBytes {
  readonly name: string;
  readonly bytes: Uint8Array;
}

export interface VerifiedMap {
  readonly bytes: Uint8Array;
  readonly signers: readonly Signer[];
}

/**
 * The signed bytes of the map, and who signed them: at least one signer, and the expected one.
 * @throws {RefusedError} kinds `no-gpg`, `bad-signature`, `wrong-signer`.
 * @throws {UsageError} kind `keyring`. @throws {SystemError} if gpg cannot be run.
 */
export async function verifySignature(request: SignatureRequest): Promise<VerifiedMap> {
  const { map, detached, keyring, env, signal, onProgram } = request;
  if (keyring !== undefined) assertKeyring(keyring);
  const program = chooseProgram(request);
  onProgram(program);
  const answer = await runGpg({
    program,
    signed: map.bytes,
    detachedSignature: detached?.bytes,
    keyring,
    env,
    signal,
  });
  const verdict = parseGpgStatus(answer.status);
  assertGood(request, answer, verdict);
  assertExpected(request, verdict.signers);
  if (verdict.isUntrusted && keyring === undefined) {
    const text =
      'the signature is good, but nobody you trust vouches for the key that made it; --fingerprint makes sure of the signer';
    request.onFinding({ level: 'warning', code: 'copy.signer-not-certified', text });
  }
  if (detached !== undefined) return { bytes: map.bytes, signers: verdict.signers };
  if (answer.plaintext.length === 0) {
    throw new CorruptError('clearsigned', { structure: map.name }, 'holds no signed text');
  }
  return { bytes: answer.plaintext, signers: verdict.signers };
}

/** Said here, since gpg would only say that it does not know the key. */
function assertKeyring(keyring: string): void {
  let head: string;
  try {
    head = readFileSync(keyring).toString('latin1', 0, ARMOR.length);
  } catch (error) {
    throw SystemError.from(error, keyring);
  }
  if (head !== ARMOR) return;
  const problem = `${keyring}: is armored, which keyrings are not; convert it with gpg --dearmor`;
  throw new UsageError('keyring', problem);
}

/** The program asked first is the one whose keys are meant: gpgv knows a keyring, gpg the user's keys. */
function chooseProgram({ keyring, env, map, detached }: SignatureRequest): GpgProgram {
  const order: readonly GpgProgram[] = keyring === undefined ? ['gpg', 'gpgv'] : ['gpgv', 'gpg'];
  const program = order.find((name) => isInstalled(name, env));
  if (program !== undefined) return program;
  throw new RefusedError(
    'no-gpg',
    `Cannot verify GPG signature without GPG: ${(detached ?? map).name} is there, but neither gpg nor gpgv is installed; install gpgv, or use --no-sig-verify to go on without`,
  );
}

function assertGood(
  { map, detached }: SignatureRequest,
  { exitCode, messages }: GpgAnswer,
  { signers, objections }: GpgVerdict,
): void {
  if (exitCode === 0 && objections.length === 0 && signers.length > 0) return;
  const { name } = detached ?? map;
  const reason = objections.includes('NO_PUBKEY') ? 'No matching key found' : describe(messages);
  throw new RefusedError(
    'bad-signature',
    `discovered a BAD GPG signature: ${name}\n${reason}\nEither fix the problem or use --no-sig-verify to disable signature verification`,
  );
}

function describe(messages: string): string {
  const lines = messages.split('\n').filter((line) => line.trim() !== '');
  return lines.length === 0 ? 'it holds no good signature' : lines.join('\n');
}

function assertExpected({ fingerprint }: SignatureRequest, signers: readonly Signer[]): void {
  if (fingerprint === undefined) return;
  const wanted = normalizeFingerprint(fingerprint);
  if (signers.some((signer) => [signer.fingerprint, signer.primaryFingerprint].includes(wanted))) {
    return;
  }
  const list = signers.map((signer) => `\n   * ${signer.fingerprint}`).join('');
  throw new RefusedError(
    'wrong-signer',
    `requested fingerprint ${fingerprint} did not sign the bmap file. Only have these sigs: ${list}`,
  );
}

/** @throws {UsageError} kind `fingerprint` for a short key id: those can be forged. */
export function normalizeFingerprint(text: string): string {
  const digits = text.replaceAll(/\s/g, '').replace(/^0x/i, '').toUpperCase();
  if (/^(?:[0-9A-F]{40}|[0-9A-F]{64})$/.test(digits)) return digits;
  const problem = `--fingerprint wants the whole fingerprint of a key, 40 or 64 hex digits, not ${JSON.stringify(text)}`;
  throw new UsageError('fingerprint', problem);
}
