/**
 * The wrapper of a clearsigned text. Taking it off proves nothing: this is only for those who asked not
 * to verify. Source: RFC 9580, section 7.
 */
import { CorruptError } from '../../errors/errors.ts';

const BEGIN = '-----BEGIN PGP SIGNED MESSAGE-----';
const END = '-----BEGIN PGP SIGNATURE-----';

/** True if the file starts with the header line of a clearsigned text. */
export function isClearsigned(bytes: Uint8Array): boolean {
  return Buffer.from(BEGIN).equals(bytes.subarray(0, BEGIN.length));
}

/**
 * The text inside, its line ends as they are and dash-escapes taken back. Not verified.
 * @throws {CorruptError} kind `clearsigned` if the wrapper is not complete.
 */
export function unwrapClearsigned(bytes: Uint8Array, name: string): Uint8Array {
  const fault = (problem: string) => new CorruptError('clearsigned', { structure: name }, problem);
  // Latin-1 keeps every byte what it is.
  const lines = Buffer.from(bytes).toString('latin1').split('\n');
  const blank = lines.findIndex((line, index) => index > 0 && line.trim() === '');
  const end = lines.findIndex((line) => line.trimEnd() === END);
  if (blank === -1) throw fault('has no empty line between the header and the signed text');
  if (end === -1) throw fault('is cut: the signature behind the signed text is missing');
  if (end <= blank) throw fault('has no signed text');
  const text = lines.slice(blank + 1, end).map((line) => {
    if (line.startsWith('- ')) return line.slice(2);
    if (line.startsWith('-')) throw fault('has a line that starts with an unescaped dash');
    return line;
  });
  return Buffer.from(`${text.join('\n')}\n`, 'latin1');
}
