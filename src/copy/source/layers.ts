/** Takes the wrapping off an image: decompression first, then an archive, and nothing below it. */
import { CorruptError, UnsupportedError, UsageError } from '../../errors/errors.ts';
import type { ByteInput, InputContext } from './byte-input.ts';
import { ArchiveImage } from './archive/archive-image.ts';
import type { ArchiveMembers } from './archive/archive-member.ts';
import { readTar } from './archive/tar-reader.ts';
import { readZipFile } from './archive/zip-file.ts';
import { readZipStream } from './archive/zip-stream.ts';
import { DECODERS } from './decode/decoders.ts';
import { readAhead } from './decode/read-ahead.ts';
import { findArchive, findCompression, HEAD_BYTES, hintOf, type NameHint } from './formats.ts';
import { assertImageHead } from './image-head.ts';
import { StreamReader } from './stream-reader.ts';
import { WantedBytes } from './wanted-bytes.ts';

/** The raw image below all wrapping. */
export interface UnwrappedImage {
  readonly image: StreamReader;
  /** Where it is known beforehand. */
  readonly sizeBytes: number | undefined;
  /** The input is the image itself. */
  readonly isRaw: boolean;
  /** For readers that do not need all of it. */
  readonly wanted: WantedBytes;
  /** Checks what follows the image; to be called when it was read, or when the rest of it is not wanted. */
  readonly finish: () => Promise<void>;
  close(): Promise<void>;
}

/**
 * Looks at the content, and finds the image in it.
 * @throws {CorruptError} if the name promises what the content does not have, or it is no image at all.
 * @throws {UnsupportedError} @throws {UsageError}
 */
export async function unwrap(
  input: ByteInput,
  member: string | undefined,
  context: InputContext,
): Promise<UnwrappedImage> {
  const stored = new StreamReader(input.pieces());
  // The innermost first.
  const readers = [stored];
  const close = async (): Promise<void> => {
    for (const reader of readers) await reader.close();
  };
  try {
    const wanted = new WantedBytes();
    const { decoded, compression } = await openCompression(input, stored, { ...context, wanted });
    if (decoded !== stored) readers.unshift(decoded);
    const archive = await recognizeArchive(input, decoded, compression, context);
    const layers = { decoded, compression, archive };
    const opened = await openImage(input, layers, member, context);
    // In an archive the image does not start where the decoded data does.
    return { ...opened, wanted: archive === undefined ? wanted : new WantedBytes(), close };
  } catch (error) {
    // First, since closing a layer waits for bytes that it has asked for.
    await input.close();
    await close();
    throw error;
  }
}

/** Only decompresses: for small files that need not be images. */
export async function decompress(input: ByteInput, context: InputContext): Promise<StreamReader> {
  const stored = new StreamReader(input.pieces());
  const { decoded } = await openCompression(input, stored, context);
  return decoded;
}

interface Layers {
  readonly decoded: StreamReader;
  readonly compression: string | undefined;
  readonly archive: 'tar' | 'zip' | undefined;
}

async function openCompression(
  input: ByteInput,
  stored: StreamReader,
  context: InputContext & { readonly wanted?: WantedBytes },
): Promise<Pick<Layers, 'decoded' | 'compression'>> {
  // What looks like a packed file at the start of a disk is a part of the disk.
  const compression =
    input.isBlockDevice === true
      ? undefined
      : findCompression(toBuffer(await stored.peek(HEAD_BYTES)));
  if (compression === undefined) return { decoded: stored, compression: undefined };
  const structure = `${compression} data of ${input.name}`;
  const pieces = DECODERS[compression](stored, { ...context, structure });
  return { decoded: new StreamReader(readAhead(pieces)), compression };
}

async function recognizeArchive(
  input: ByteInput,
  decoded: StreamReader,
  compression: string | undefined,
  context: InputContext,
): Promise<Layers['archive']> {
  if (input.isBlockDevice === true) return undefined;
  const head = toBuffer(await decoded.peek(HEAD_BYTES));
  const archive = findArchive(head);
  // A tar archive below a compression is one layer of wrapping in all but name.
  const inner = findCompression(head) ?? (archive === 'zip' ? archive : undefined);
  if (compression !== undefined) assertNotNested(input.name, inner);
  const hint = hintOf(input.fileName);
  assertPromiseKept(input, hint, compression, archive);
  reportContradiction(input, hint, compression, archive, context);
  return archive;
}

async function openImage(
  input: ByteInput,
  { decoded, compression, archive }: Layers,
  member: string | undefined,
  context: InputContext,
): Promise<Omit<UnwrappedImage, 'close' | 'wanted'>> {
  if (archive === undefined) {
    if (member !== undefined) {
      const text = `${input.name}: this is no archive, so there is no member ${member} to choose; leave --member out`;
      throw new UsageError('not-an-archive', text);
    }
    const isRaw = compression === undefined;
    const contentType = isRaw ? input.contentType : undefined;
    assertImageHead(await decoded.peek(HEAD_BYTES), input.name, contentType);
    const sizeBytes = isRaw ? input.sizeBytes : undefined;
    return { image: decoded, sizeBytes, isRaw, finish: async () => {} };
  }
  const structure = `${archive} archive ${input.name}`;
  const members = openArchive(input, decoded, archive, { ...context, structure });
  const found = await ArchiveImage.find(members, { structure, wanted: member });
  const { name, sizeBytes, content } = found.member;
  context.onDebug(`${structure}: the image is ${name}`);
  const head = toBuffer(await content.peek(HEAD_BYTES));
  const place = `${name} in ${input.name}`;
  assertNotNested(place, findCompression(head) ?? findArchive(head));
  assertImageHead(head, place, undefined);
  return {
    image: content,
    sizeBytes,
    isRaw: false,
    finish: () => found.assertNoOther(),
  };
}

function openArchive(
  input: ByteInput,
  decoded: StreamReader,
  archive: 'tar' | 'zip',
  context: InputContext & { readonly structure: string },
): ArchiveMembers {
  if (archive === 'tar') return readTar(decoded, context.structure);
  return input.fileDescriptor === undefined
    ? readZipStream(decoded, context)
    : readZipFile(input, context);
}

function reportContradiction(
  { name, fileName }: ByteInput,
  hint: NameHint,
  compression: string | undefined,
  archive: string | undefined,
  { onFinding }: InputContext,
): void {
  const found = listParts(compression, archive);
  const promised = listParts(hint.compression, hint.archive);
  if (found === promised || fileName === '') return;
  const told = promised === '' ? 'does not tell' : `tells ${promised}`;
  const text = `${name}: the content is ${found}, though the name ${told}; it is read as ${found}`;
  onFinding({ level: 'info', code: 'source.name', text });
}

function listParts(...parts: readonly (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined).join(' and ');
}

/** A damaged start must not make a compressed file be taken for a raw image. */
function assertPromiseKept(
  input: ByteInput,
  hint: NameHint,
  compression: string | undefined,
  archive: string | undefined,
): void {
  const missing =
    compression === undefined && archive === undefined
      ? (hint.compression ?? hint.archive)
      : hint.archive === 'tar' && archive === undefined
        ? 'tar'
        : undefined;
  if (missing === undefined) return;
  const structure = input.name;
  const text = `the name tells ${missing}, but the content is not ${missing}: it is damaged, or is something else; if it is a raw image, rename it`;
  throw new CorruptError('not-as-named', { structure }, text);
}

/** @throws {UnsupportedError} kind `nested`. */
function assertNotNested(name: string, inner: string | undefined): void {
  if (inner === undefined) return;
  const text = `what is inside is packed once more, as ${inner}; unpack the outer layer first`;
  throw new UnsupportedError('nested', { structure: name }, text);
}

function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
