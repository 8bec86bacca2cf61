/**
 * Sparse members of GNU tar, which store only what is not a hole, in four ways. Source: GNU tar manual,
 * "Storing Sparse Files"; `src/tar.h`, `struct sparse`.
 *   old GNU  type `S`: four entries in the header, 21 in each block that follows it
 *   0.0      pax records GNU.sparse.offset and GNU.sparse.numbytes, repeated
 *   0.1      pax record GNU.sparse.map: numbers with commas between
 *   1.0      lines of decimal numbers in front of the data, filled up to whole blocks
 */
import { CorruptError, UnsupportedError } from '../../../errors/errors.ts';
import type { StreamReader } from '../stream-reader.ts';
import { BLOCK_BYTES, parseTarNumber } from './tar-header.ts';
import type { PaxRecords } from './tar-pax.ts';

export interface SparseMap {
  /** Size of the content, holes included. */
  readonly sizeBytes: number;
  readonly pieces: readonly SparsePiece[];
}

export interface SparsePiece {
  readonly startByte: number;
  readonly lengthBytes: number;
}

/** A million pieces are 24 MB of map; a file on disk has fewer. */
const MAX_PIECES = 2 ** 20;
const ZERO_BYTES = 2 ** 20;

const ENTRY_BYTES = 24;
const HEADER_ENTRIES = { startByte: 386, count: 4, isExtended: 482, realSize: 483 };
const BLOCK_ENTRIES = { startByte: 0, count: 21, isExtended: 504 };

/** Takes the blocks that extend an old GNU header. */
export async function readOldGnuMap(
  header: Buffer,
  input: StreamReader,
  structure: string,
): Promise<SparseMap> {
  const numbers: (number | undefined)[] = [];
  const collect = (block: Buffer, { startByte, count }: { startByte: number; count: number }) => {
    for (let at = startByte; at < startByte + count * ENTRY_BYTES; at += 12) {
      const bytes = block.subarray(at, at + 12);
      if (bytes.every((byte) => byte === 0)) return;
      numbers.push(parseTarNumber(bytes));
    }
  };
  const startByte = input.positionBytes;
  collect(header, HEADER_ENTRIES);
  let isExtended = header[HEADER_ENTRIES.isExtended] !== 0;
  while (isExtended) {
    const block = Buffer.from(await input.take(BLOCK_BYTES, structure));
    collect(block, BLOCK_ENTRIES);
    isExtended = block[BLOCK_ENTRIES.isExtended] !== 0;
    if (numbers.length > MAX_PIECES * 2) break;
  }
  const { realSize } = HEADER_ENTRIES;
  const sizeBytes = parseTarNumber(header.subarray(realSize, realSize + 12));
  return makeMap(sizeBytes, numbers, structure, startByte);
}

/** The map of formats 0.0, 0.1 and 1.0; undefined if the records are not about a sparse file. */
export async function readPaxMap(
  records: PaxRecords,
  input: StreamReader,
  structure: string,
): Promise<SparseMap | undefined> {
  if (!records.isSparse) return undefined;
  const startByte = input.positionBytes;
  const major = records.get('GNU.sparse.major');
  if (major !== undefined) {
    const version = `${major}.${records.get('GNU.sparse.minor')}`;
    if (version !== '1.0') {
      const text = `a sparse file is stored in format ${version}, which is not known; unpack the archive first`;
      throw new UnsupportedError('tar-sparse', { structure, startByte }, text);
    }
    const numbers = await readLines(input, structure);
    return makeMap(decimal(records.get('GNU.sparse.realsize')), numbers, structure, startByte);
  }
  const list = records.get('GNU.sparse.map') ?? records.sparseList;
  // Without a list the numbers make no sense, either.
  const texts = list === '' ? [] : (list?.split(',') ?? [undefined]);
  const numbers = texts.map(decimal);
  return makeMap(decimal(records.get('GNU.sparse.size')), numbers, structure, startByte);
}

/** The content with its holes, which are zeros, from the stored pieces. */
export async function* expandSparse(
  map: SparseMap,
  input: StreamReader,
  structure: string,
): AsyncGenerator<Uint8Array> {
  let position = 0;
  for (const { startByte, lengthBytes } of map.pieces) {
    yield* zeros(startByte - position);
    yield* input.pieces(lengthBytes, structure);
    position = startByte + lengthBytes;
  }
  yield* zeros(map.sizeBytes - position);
}

export function storedBytesOf({ pieces }: SparseMap): number {
  return pieces.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
}

function* zeros(lengthBytes: number): Generator<Uint8Array> {
  for (let left = lengthBytes; left > 0; left -= ZERO_BYTES) {
    yield Buffer.alloc(Math.min(left, ZERO_BYTES));
  }
}

/** Format 1.0: the count of pieces, then start and length of each, a line per number. */
async function readLines(
  input: StreamReader,
  structure: string,
): Promise<readonly (number | undefined)[]> {
  let text = '';
  let lines: readonly string[] = [];
  let wanted = 1;
  while (lines.length < wanted) {
    text += Buffer.from(await input.take(BLOCK_BYTES, structure)).toString('latin1');
    lines = text.split('\n').slice(0, -1);
    const count = decimal(lines[0] ?? '0');
    if (count === undefined || count > MAX_PIECES) return [undefined];
    wanted = 1 + 2 * count;
  }
  return lines.slice(1, wanted).map(decimal);
}

function decimal(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,16}$/.test(text) ? Number(text) : undefined;
}

/** @throws {CorruptError} kind `damaged` unless the pieces are numbers, in order and inside the file. */
function makeMap(
  sizeBytes: number | undefined,
  numbers: readonly (number | undefined)[],
  structure: string,
  startByte: number,
): SparseMap {
  const pieces: SparsePiece[] = [];
  let isRight = sizeBytes !== undefined && numbers.length % 2 === 0;
  let position = 0;
  for (let index = 0; isRight && index < numbers.length; index += 2) {
    const [start, length] = [numbers[index], numbers[index + 1]];
    isRight = start !== undefined && length !== undefined && start >= position;
    if (!isRight) break;
    position = start! + length!;
    pieces.push({ startByte: start!, lengthBytes: length! });
  }
  if (!isRight || pieces.length > MAX_PIECES || position > sizeBytes!) {
    const text =
      'the list of pieces of a sparse file makes no sense: the archive is damaged, so get it again';
    throw new CorruptError('damaged', { structure, startByte }, text);
  }
  return { sizeBytes: sizeBytes!, pieces };
}
