/** Takes the wrapping off an image: decompression first, then an archive, and nothing below it. */
import { CorruptError, UnsupportedError, UsageError } from '../../errors/errors.ts';
import type { ByteInput, InputContext } from './byte-input.ts';
import { ArchiveImage } from './archive/archive-image.ts';
import type { ArchiveMembers } from './archive/archive-member.ts';
import { startsLikeTar } from './archive/tar-header.ts';
import { readTar } from './archive/tar-reader.ts';
import { readZipFile } from './archive/zip-file.ts';
import { readZipStream } from './archive/zip-stream.ts';
import { readAhead } from './decode/read-ahead.ts';
import { findCompression, HEAD_BYTES, hintOf, isZip, type NameHint } from './formats.ts';
import { StreamReader } from './stream-reader.ts';

/** The raw image below all wrapping. */
export interface UnwrappedImage {
  readonly image: StreamReader;
  /** Where it is known beforehand. */
  readonly sizeBytes: number | undefined;
  /** The input is the image itself. */
  readonly isRaw: boolean;
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
  let decoded = stored;
  try {
    const layers = await recognize(input, stored, context);
    decoded = layers.decoded;
    const unwrapped = await openLayers(input, layers, member, context);
    const close = async (): Promise<void> => {
      if (decoded !== stored) await decoded.close();
      await stored.close();
    };
    return { ...unwrapped, close };
  } catch (error) {
    if (decoded !== stored) await decoded.close();
    await stored.close();
    throw error;
  }
}

/** Only decompresses: for small files that need not be images. */
export async function decompress(input: ByteInput, context: InputContext): Promise<StreamReader> {
  const stored = new StreamReader(input.pieces());
  const { decoded } = await recognizeCompression(input, stored, context);
  return decoded;
}

interface Layers {
  readonly decoded: StreamReader;
  readonly compression: string | undefined;
  readonly archive: 'tar' | 'zip' | undefined;
}

async function recognize(
  input: ByteInput,
  stored: StreamReader,
  context: InputContext,
): Promise<Layers> {
  // What looks like a packed file at the start of a disk is a part of the disk.
  if (input.isBlockDevice === true) {
    return { decoded: stored, compression: undefined, archive: undefined };
  }
  const hint = hintOf(input.fileName);
  const { decoded, compression } = await recognizeCompression(input, stored, context);
  const head = toBuffer(await decoded.peek(HEAD_BYTES));
  const archive = findArchive(head);
  try {
    // A tar archive below a compression is one layer of wrapping in all but name.
    const inner = findCompression(head)?.name ?? (archive === 'zip' ? archive : undefined);
    if (compression !== undefined) assertNotNested(input.name, inner);
    assertPromiseKept(input, hint, compression, archive);
  } catch (error) {
    if (decoded !== stored) await decoded.close();
    throw error;
  }
  const found = [compression, archive].filter((part) => part !== undefined).join(' and ');
  const promised = [hint.compression, hint.archive].filter((part) => part !== undefined);
  if (found !== promised.join(' and ') && input.fileName !== '') {
    context.onFinding({
      level: 'info',
      code: 'source.name',
      text: `${input.name}: the content is ${found || 'not compressed'}, though the name tells ${promised.join(' and ') || 'nothing of it'}; it is read as ${found || 'raw image'}`,
    });
  }
  return { decoded, compression, archive };
}

async function recognizeCompression(
  input: ByteInput,
  stored: StreamReader,
  context: InputContext,
): Promise<{ decoded: StreamReader; compression: string | undefined }> {
  const compression = findCompression(toBuffer(await stored.peek(HEAD_BYTES)));
  if (compression === undefined) return { decoded: stored, compression: undefined };
  const structure = `${compression.name} data of ${input.name}`;
  const pieces = compression.decode(stored, { ...context, structure });
  return { decoded: new StreamReader(readAhead(pieces)), compression: compression.name };
}

async function openLayers(
  input: ByteInput,
  { decoded, compression, archive }: Layers,
  member: string | undefined,
  context: InputContext,
): Promise<Omit<UnwrappedImage, 'close'>> {
  if (archive === undefined) {
    if (member !== undefined) {
      const text = `${input.name}: this is no archive, so there is no member ${member} to choose`;
      throw new UsageError('not-an-archive', text);
    }
    const isRaw = compression === undefined;
    await assertImage(decoded, input, isRaw ? input.contentType : undefined);
    const sizeBytes = isRaw ? input.sizeBytes : undefined;
    return { image: decoded, sizeBytes, isRaw, finish: async () => {} };
  }
  const structure = `${archive} archive ${input.name}`;
  const members = openArchive(input, decoded, archive, { ...context, structure });
  const found = await ArchiveImage.find(members, { structure, wanted: member });
  const { name, sizeBytes, content } = found.member;
  context.onDebug(`${structure}: the image is ${name}`);
  const head = toBuffer(await content.peek(HEAD_BYTES));
  assertNotNested(`${name} in ${input.name}`, findCompression(head)?.name ?? findArchive(head));
  await assertImage(content, { name: `${name} in ${input.name}` }, undefined);
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

/** @throws {CorruptError} kind `empty-image` or `web-page`. @throws {UsageError} kind `bmap-as-image`. */
async function assertImage(
  image: StreamReader,
  { name }: { readonly name: string },
  contentType: string | undefined,
): Promise<void> {
  const head = await image.peek(HEAD_BYTES);
  const structure = name;
  if (head.length === 0) {
    throw new CorruptError('empty-image', { structure }, 'there is not one byte in it');
  }
  const start = new TextDecoder().decode(head);
  if (/^\s*<\?xml[^]*<bmap[\s>]/.test(start)) {
    throw new UsageError('bmap-as-image', `${name}: this is a block map, not an image`);
  }
  const isPage = /^\s*<(?:!doctype|html|\?xml)\b/i.test(start);
  if (
    isPage ||
    /^(?:text\/html|application\/(?:xhtml\+xml|xml|json)|text\/xml)\b/i.test(contentType ?? '')
  ) {
    const text = 'this is a page of text, as servers send it in place of what they do not have';
    throw new CorruptError('web-page', { structure }, text);
  }
}

function findArchive(head: Buffer): 'tar' | 'zip' | undefined {
  if (startsLikeTar(head)) return 'tar';
  return isZip(head) ? 'zip' : undefined;
}

function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
