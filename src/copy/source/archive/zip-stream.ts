/**
 * A zip archive that comes as a stream: the members are taken from their local headers as they pass,
 * and the central directory, which comes last and is the one that counts, must then tell the same.
 * Source: PKWARE APPNOTE 6.3.10, sections 4.3 and 4.5.3. All numbers are little-endian.
 */
import { CorruptError, UnsupportedError } from '../../../errors/errors.ts';
import type { DecodeContext } from '../decode/decoder.ts';
import { StreamReader } from '../stream-reader.ts';
import type { ArchiveMember } from './archive-member.ts';
import { readZip64Sizes } from './zip-extra.ts';
import {
  assertReadable,
  assertTally,
  decodeMember,
  METHOD_STORED,
  type ZipTally,
} from './zip-content.ts';

const LOCAL_HEADER = 0x04034b50;
const DATA_DESCRIPTOR = 0x08074b50;
const DIRECTORY_ENTRY = 0x02014b50;
const ZIP64_END = 0x06064b50;
const ZIP64_LOCATOR = 0x07064b50;
const END = 0x06054b50;

/** Sizes and CRC follow the data instead of standing in the local header. */
const FLAG_DESCRIPTOR = 8;
const MAX_U32 = 0xffff_ffff;

interface LocalHeader {
  readonly name: string;
  readonly startByte: number;
  readonly method: number;
  readonly flags: number;
  readonly storedBytes: number;
  readonly hasZip64: boolean;
  readonly stated: ZipTally;
}

/** What the central directory must repeat. */
interface Passed {
  readonly name: string;
  readonly crc: number;
}

/** See `ArchiveMembers`. */
export async function* readZipStream(
  input: StreamReader,
  context: DecodeContext,
): AsyncGenerator<ArchiveMember> {
  const { structure } = context;
  /** By the position of their local headers. */
  const passed = new Map<number, Passed>();
  while ((await peekSignature(input)) === LOCAL_HEADER) {
    const header = await readLocalHeader(input, structure);
    const found: ZipTally = { crc: 0, sizeBytes: 0 };
    const content = new StreamReader(readContent(header, input, found, context));
    const hasDescriptor = (header.flags & FLAG_DESCRIPTOR) !== 0;
    yield {
      name: header.name.replace(/^(?:\.\/)+/, ''),
      isFile: !header.name.endsWith('/'),
      sizeBytes: hasDescriptor ? undefined : header.stated.sizeBytes,
      content,
    };
    for await (const piece of content.rest()) void piece;
    const stated = hasDescriptor
      ? await readDescriptor(header, found, input, structure)
      : header.stated;
    assertTally(header.name, found, stated, structure);
    passed.set(header.startByte, { name: header.name, crc: found.crc });
  }
  await checkDirectory(passed, input, structure);
}

async function* readContent(
  { name, method, flags, storedBytes }: LocalHeader,
  input: StreamReader,
  found: ZipTally,
  context: DecodeContext,
): AsyncGenerator<Uint8Array> {
  const { structure } = context;
  const startByte = input.positionBytes;
  assertReadable(name, method, flags, structure);
  const isOpenEnded = (flags & FLAG_DESCRIPTOR) !== 0;
  if (isOpenEnded && method === METHOD_STORED && storedBytes === 0 && !name.endsWith('/')) {
    const text = `where ${name} ends cannot be told from a stream of this archive; save it as a file first`;
    throw new UnsupportedError('zip-stream', { structure, startByte }, text);
  }
  yield* decodeMember(method, storedBytes, input, found, context);
  const readBytes = input.positionBytes - startByte;
  if (!isOpenEnded && readBytes !== storedBytes) {
    const text = `${name} ends after ${readBytes} of its ${storedBytes} bytes: the archive is damaged, so get it again`;
    throw new CorruptError('damaged', { structure, startByte }, text);
  }
}

/** 4.3.7: 30 bytes, the name, extra fields. */
async function readLocalHeader(input: StreamReader, structure: string): Promise<LocalHeader> {
  const startByte = input.positionBytes;
  const fixed = Buffer.from(await input.take(30, structure));
  const nameBytes = Buffer.from(await input.take(fixed.readUInt16LE(26), structure));
  const extra = Buffer.from(await input.take(fixed.readUInt16LE(28), structure));
  const sizes = { storedBytes: fixed.readUInt32LE(18), sizeBytes: fixed.readUInt32LE(22) };
  const large = readZip64Sizes(extra, sizes, { structure, startByte });
  const { storedBytes, sizeBytes } = large ?? sizes;
  return {
    name: nameBytes.toString('utf8').replaceAll('\\', '/'),
    startByte,
    method: fixed.readUInt16LE(8),
    flags: fixed.readUInt16LE(6),
    storedBytes,
    hasZip64: large !== undefined,
    stated: { crc: fixed.readUInt32LE(14), sizeBytes },
  };
}

/**
 * 4.3.9: an optional signature, CRC, then both sizes in 4 bytes each, or 8. Which of these it is, no
 * field tells reliably; the form is the one that agrees with the data.
 */
async function readDescriptor(
  { name, hasZip64 }: LocalHeader,
  found: ZipTally,
  input: StreamReader,
  structure: string,
): Promise<ZipTally> {
  const startByte = input.positionBytes;
  const bytes = Buffer.from(await input.peek(24));
  for (const signatureBytes of [4, 0]) {
    for (const wide of hasZip64 ? [true, false] : [false, true]) {
      const lengthBytes = signatureBytes + (wide ? 20 : 12);
      if (bytes.length < lengthBytes) continue;
      if (signatureBytes > 0 && bytes.readUInt32LE(0) !== DATA_DESCRIPTOR) continue;
      const crc = bytes.readUInt32LE(signatureBytes);
      const sizeBytes = wide
        ? Number(bytes.readBigUInt64LE(signatureBytes + 12))
        : bytes.readUInt32LE(signatureBytes + 8);
      if (crc !== found.crc || sizeBytes !== found.sizeBytes) continue;
      await input.skip(lengthBytes, structure);
      return { crc, sizeBytes };
    }
  }
  if (bytes.length < 12) throw input.truncated(structure);
  const text = `size and CRC behind ${name} are not those of its data: the archive is damaged, so get it again`;
  throw new CorruptError('damaged', { structure, startByte }, text);
}

/** 4.3.12 to 4.3.16, up to the end of the input. */
async function checkDirectory(
  passed: ReadonlyMap<number, Passed>,
  input: StreamReader,
  structure: string,
): Promise<void> {
  const place = { structure, startByte: input.positionBytes };
  let entryCount = 0;
  while ((await peekSignature(input)) === DIRECTORY_ENTRY) {
    const fixed = Buffer.from(await input.take(46, structure));
    const name = Buffer.from(await input.take(fixed.readUInt16LE(28), structure));
    const extra = Buffer.from(await input.take(fixed.readUInt16LE(30), structure));
    await input.skip(fixed.readUInt16LE(32), structure);
    const sizes = {
      sizeBytes: fixed.readUInt32LE(24),
      storedBytes: fixed.readUInt32LE(20),
      offsetBytes: fixed.readUInt32LE(42),
    };
    const { offsetBytes = sizes.offsetBytes } = readZip64Sizes(extra, sizes, place) ?? sizes;
    const member = passed.get(offsetBytes);
    entryCount++;
    if (
      member === undefined ||
      member.crc !== fixed.readUInt32LE(16) ||
      member.name !== name.toString('utf8').replaceAll('\\', '/')
    ) {
      throw disagreement(place);
    }
  }
  if (entryCount !== passed.size) throw disagreement(place);
  if ((await peekSignature(input)) === ZIP64_END) {
    const fixed = Buffer.from(await input.take(12, structure));
    await input.skip(Number(fixed.readBigUInt64LE(4)), structure);
    if ((await peekSignature(input)) === ZIP64_LOCATOR) await input.skip(20, structure);
  }
  const end = Buffer.from(await input.take(22, structure));
  const count = end.readUInt16LE(10);
  if (end.readUInt32LE(0) !== END || (count !== 0xffff && count !== (entryCount & 0xffff))) {
    throw disagreement(place);
  }
  await input.skip(end.readUInt16LE(20), structure);
  if (!(await input.isAtEnd())) {
    throw new CorruptError(
      'trailing-garbage',
      { structure, startByte: input.positionBytes },
      'behind the end of the archive stands something else; if archives were joined, take them apart',
    );
  }
}

function disagreement(place: { structure: string; startByte: number }): CorruptError {
  const text =
    'the directory at the end of the archive does not list what is in it: it is damaged, or was changed; save it as a file and try again';
  return new CorruptError('damaged', place, text);
}

async function peekSignature(input: StreamReader): Promise<number> {
  const bytes = Buffer.from(await input.peek(4));
  return bytes.length < 4 ? MAX_U32 : bytes.readUInt32LE(0);
}
