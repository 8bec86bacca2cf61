import type { Bmap } from '../../bmap/bmap.ts';
import { parseBmap } from '../../bmap/parse-bmap.ts';
import { isClearsigned, unwrapClearsigned } from '../../copy/signature/clearsigned.ts';
import { readAuxiliaryFile } from '../../copy/source/read-auxiliary.ts';
import { SystemError } from '../../errors/errors.ts';
import type { CommandContext } from '../program.ts';

/**
 * Reads a block map from a path, an address or standard input (`-`), compressed or not. A signature
 * inside is taken off and not verified: nothing is written by this map but what it was checked for.
 * @throws {CorruptError} @throws {UnsupportedError} @throws {MismatchError} @throws {SystemError}
 */
export async function readMap(location: string, { signal }: CommandContext): Promise<Bmap> {
  const file = await readAuxiliaryFile(location, {
    stdin: process.stdin,
    env: process.env,
    signal,
  });
  if (file === undefined) throw new SystemError('ENOENT', location, 'no such file');
  const { bytes, name } = file;
  return parseBmap(isClearsigned(bytes) ? unwrapClearsigned(bytes, name) : bytes, name);
}
