/** From the words of the user to a map that is proven: found, its signature checked, then parsed. */
import type { Bmap } from '../bmap/bmap.ts';
import { parseBmap } from '../bmap/parse-bmap.ts';
import { RefusedError, SystemError, UsageError } from '../errors/errors.ts';
import type { OnEvent } from './copy-events.ts';
import { baseName, listMapCandidates, listSignatureCandidates } from './discovery.ts';
import { isClearsigned, unwrapClearsigned } from './signature/clearsigned.ts';
import {
  normalizeFingerprint,
  verifySignature,
  type NamedBytes,
  type VerifiedMap,
} from './signature/verify-signature.ts';

/** Reads a small file whole, from wherever an image may come; undefined if there is none. */
export type ReadSmallFile = (location: string) => Promise<NamedBytes | undefined>;

/** A file, and where it was found; its name is for messages, without passwords. */
interface FoundFile extends NamedBytes {
  readonly location: string;
}

export interface MapRequest {
  readonly image: string;
  /** The map's path or address; undefined to look for it beside the image. */
  readonly bmap: string | undefined;
  readonly signature: string | undefined;
  readonly isSignatureChecked: boolean;
  readonly keyring: string | undefined;
  readonly fingerprint: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly readFile: ReadSmallFile;
  readonly onEvent: OnEvent;
  readonly signal: AbortSignal;
}

export interface LoadedMap {
  readonly bmap: Bmap;
  /** For messages. */
  readonly name: string;
  /** Undefined if it was made for this copy. */
  readonly location: string | undefined;
}

/**
 * The map of the image.
 * @throws {UsageError} kinds `no-map`, `map-is-image`, `fingerprint`.
 * @throws {RefusedError} kinds `no-signature`, `no-gpg`, `bad-signature`, `wrong-signer`.
 * @throws {CorruptError|UnsupportedError|MismatchError} if the map is wrong. @throws {SystemError}
 */
export async function loadMap(request: MapRequest): Promise<LoadedMap> {
  const { image, fingerprint, onEvent } = request;
  if (fingerprint !== undefined) normalizeFingerprint(fingerprint);
  const map = await findMap(request);
  if (map === undefined) {
    if (request.signature !== undefined) {
      const problem = 'the bmap signature file was specified, but bmap file was not found';
      throw new UsageError('no-map', problem);
    }
    const problem = 'bmap file not found, please, use --nobmap option to flash without bmap';
    throw new UsageError('no-map', problem);
  }
  if (map.location === image) {
    throw new UsageError(
      'map-is-image',
      'Make sure you are writing your image and not the bmap file (you specified the same path for them)',
    );
  }
  const { bytes, signers } = await checkSignature(map, request);
  for (const { userId, fingerprint: digits } of signers) {
    onEvent({ kind: 'signature-verified', userId, fingerprint: digits });
  }
  const bmap = parseBmap(bytes, map.name);
  onEvent({ kind: 'map-read', map: map.name, bmap });
  return { bmap, name: map.name, location: map.location };
}

async function findMap(request: MapRequest): Promise<FoundFile | undefined> {
  const { image, bmap, onEvent } = request;
  if (bmap !== undefined) return readNamed(bmap, 'bmap', request);
  const map = await readFirst(listMapCandidates(image), request);
  if (map !== undefined) onEvent({ kind: 'map-found', map: map.name });
  return map;
}

async function checkSignature(map: FoundFile, request: MapRequest): Promise<VerifiedMap> {
  const { isSignatureChecked, keyring, fingerprint, onEvent } = request;
  const isInline = isClearsigned(map.bytes);
  if (isInline) onEvent({ kind: 'inline-signature-found' });
  if (!isSignatureChecked) {
    return { bytes: isInline ? unwrapClearsigned(map.bytes, map.name) : map.bytes, signers: [] };
  }
  const detached = isInline ? undefined : await findSignature(map, request);
  if (!isInline && detached === undefined) {
    const expected =
      fingerprint !== undefined ? '--fingerprint' : keyring !== undefined ? '--keyring' : undefined;
    if (expected === undefined) return { bytes: map.bytes, signers: [] };
    throw new RefusedError('no-signature', `no signature found but ${expected} given`);
  }
  return verifySignature({
    ...request,
    map,
    detached,
    onProgram: (program) => onEvent({ kind: 'verifying-signature', program }),
    onFinding: (finding) => onEvent({ kind: 'finding', finding }),
  });
}

async function findSignature(map: FoundFile, request: MapRequest): Promise<FoundFile | undefined> {
  const { signature, onEvent } = request;
  if (signature !== undefined) return readNamed(signature, 'bmap signature', request);
  const found = await readFirst(listSignatureCandidates(map.location), request);
  if (found !== undefined) onEvent({ kind: 'signature-found', signature: found.name });
  return found;
}

/** The first that is there. What the server may not give out is as good as not there. */
async function readFirst(
  locations: readonly string[],
  { readFile, onEvent }: MapRequest,
): Promise<FoundFile | undefined> {
  for (const location of locations) {
    try {
      const file = await readFile(location);
      if (file !== undefined) return { ...file, location };
    } catch (error) {
      if (!(error instanceof SystemError && error.kind === 'forbidden')) throw error;
      onEvent({ kind: 'debug', text: error.message });
    }
  }
  return undefined;
}

async function readNamed(location: string, what: string, request: MapRequest): Promise<FoundFile> {
  const file = await request.readFile(location);
  if (file !== undefined) return { ...file, location };
  const problem = `cannot open ${what} file '${baseName(location)}': no such file`;
  throw new SystemError('ENOENT', undefined, problem);
}
