/**
 * Members of a tar archive: V7, ustar, pax and GNU tar with long names and sparse files. Sources: POSIX
 * pax; GNU tar manual, "Basic Tar Format". An own reader, since a sparse file must give its true
 * content, and an archive without its end must not pass for a whole one.
 */
import { CorruptError, UnsupportedError } from '../../../errors/errors.ts';
import { StreamReader } from '../stream-reader.ts';
import type { ArchiveMember } from './archive-member.ts';
import { BLOCK_BYTES, parseTarHeader, parseTarText, type TarHeader } from './tar-header.ts';
import { parsePax, PaxRecords } from './tar-pax.ts';
import { expandSparse, readOldGnuMap, readPaxMap, storedBytesOf } from './tar-sparse.ts';

/** Names and extended headers are short; a sparse map of format 0.1 may have a million numbers. */
const MAX_EXTENSION_BYTES = 32 * 2 ** 20;

/** Hard and symbolic links, devices, folders, pipes: a size in their header means no data. */
const TYPES_WITHOUT_DATA = '123456';

/** What extending headers said about the member that follows them. */
interface Extensions {
  readonly pax: PaxRecords;
  longName: string | undefined;
}

/** See `ArchiveMembers`. The end are two blocks of zeros, and more zeros up to the end of the input. */
export async function* readTar(
  input: StreamReader,
  structure: string,
): AsyncGenerator<ArchiveMember> {
  let extensions: Extensions = { pax: new PaxRecords(), longName: undefined };
  for (;;) {
    const startByte = input.positionBytes;
    const block = Buffer.from(await input.take(BLOCK_BYTES, structure));
    if (block.every((byte) => byte === 0)) break;
    const header = parseTarHeader(block, structure, startByte);
    if (await readExtension(header, extensions, input, structure)) continue;
    yield* readMember(header, block, extensions, input, structure);
    extensions = { pax: new PaxRecords(), longName: undefined };
  }
  await readEnd(input, structure);
}

/** @returns whether the header only extends the next one. */
async function readExtension(
  { type, storedBytes }: TarHeader,
  extensions: Extensions,
  input: StreamReader,
  structure: string,
): Promise<boolean> {
  const startByte = input.positionBytes;
  switch (type) {
    case 'x':
    case 'L':
    case 'K':
    case 'g':
      break;
    case 'M':
      throw new UnsupportedError(
        'tar-volumes',
        { structure, startByte },
        'the archive continues another volume; join the volumes first',
      );
    default:
      return false;
  }
  if (storedBytes > MAX_EXTENSION_BYTES) {
    const text = `an extending header of ${storedBytes} bytes is not believable: the archive is damaged, so get it again`;
    throw new CorruptError('damaged', { structure, startByte }, text);
  }
  const bytes = Buffer.from(await input.take(storedBytes, structure));
  await input.skip(paddingOf(storedBytes), structure);
  if (type === 'x') parsePax(bytes, extensions.pax, structure, startByte);
  if (type === 'L') extensions.longName = parseTarText(bytes);
  return true;
}

async function* readMember(
  header: TarHeader,
  block: Buffer,
  { pax, longName }: Extensions,
  input: StreamReader,
  structure: string,
): AsyncGenerator<ArchiveMember> {
  const { type } = header;
  const storedBytes = TYPES_WITHOUT_DATA.includes(type) ? 0 : sizeOf(header, pax, input, structure);
  const name = pax.get('GNU.sparse.name') ?? pax.get('path') ?? longName ?? header.name;
  const sparse = type === 'S' ? await readOldGnuMap(block, input, structure) : undefined;
  const startByte = input.positionBytes;
  const map = sparse ?? (await readPaxMap(pax, input, structure));
  const mapBytes = input.positionBytes - startByte;
  if (map !== undefined && storedBytesOf(map) !== storedBytes - mapBytes) {
    const text = `a sparse file has ${storedBytes - mapBytes} bytes, but a list of ${storedBytesOf(map)}: the archive is damaged, so get it again`;
    throw new CorruptError('damaged', { structure, startByte }, text);
  }
  const content =
    map === undefined ? input.pieces(storedBytes, structure) : expandSparse(map, input, structure);
  yield {
    name: name.replace(/^(?:\.\/)+/, ''),
    // Type 7 is a file that was to lie in one run. V7 marked folders by the name alone.
    isFile: '0\x007S'.includes(type) && !name.endsWith('/'),
    sizeBytes: map?.sizeBytes ?? storedBytes,
    content: new StreamReader(content),
  };
  const endByte = startByte + storedBytes + paddingOf(storedBytes);
  await input.skip(endByte - input.positionBytes, structure);
}

function sizeOf(
  header: TarHeader,
  pax: PaxRecords,
  input: StreamReader,
  structure: string,
): number {
  const text = pax.get('size');
  if (text === undefined) return header.storedBytes;
  const sizeBytes = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(sizeBytes)) return sizeBytes;
  const place = { structure, startByte: input.positionBytes };
  throw new CorruptError(
    'damaged',
    place,
    `the size of a member is ${JSON.stringify(text)}: the archive is damaged, so get it again`,
  );
}

/** Behind the first block of zeros. */
async function readEnd(input: StreamReader, structure: string): Promise<void> {
  do {
    const startByte = input.positionBytes;
    const block = await input.take(BLOCK_BYTES, structure);
    if (block.every((byte) => byte === 0)) continue;
    throw new CorruptError(
      'trailing-garbage',
      { structure, startByte },
      'behind the end of the archive stands something else; if archives were joined, take them apart',
    );
  } while (!(await input.isAtEnd()));
}

function paddingOf(lengthBytes: number): number {
  return (BLOCK_BYTES - (lengthBytes % BLOCK_BYTES)) % BLOCK_BYTES;
}
