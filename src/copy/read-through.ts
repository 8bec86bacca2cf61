/** Reads an image from end to end, and keeps the ranges of it. */
import { MismatchError } from '../errors/errors.ts';
import type { BufferPool, PooledBuffer } from './buffer-pool.ts';
import { countBlocksBefore, listWanted, type CopyPlan, type PlannedRange } from './copy-plan.ts';
import { PieceGroup, type Piece } from './piece.ts';
import type { ImageSource } from './source/image-source.ts';

/** The pieces of one buffer after the other. @throws {MismatchError} as `readPieces`. */
export async function* readThrough(
  source: ImageSource,
  plan: CopyPlan,
  pool: BufferPool,
  signal: AbortSignal,
): AsyncGenerator<readonly Piece[], void, undefined> {
  const cutter = new PieceCutter(plan.ranges, pool);
  for await (const chunk of source.chunks(signal, listWanted(plan))) {
    let left = chunk;
    while (left.length > 0) {
      left = await cutter.take(left);
      if (cutter.isFull) yield cutter.release();
    }
  }
  cutter.end();
  if (cutter.hasPieces) yield cutter.release();
  assertSize(source, plan, cutter.positionByte);
}

/** Cuts the ranges out of the bytes of an image, and copies them into buffers. */
class PieceCutter {
  readonly #ranges: readonly PlannedRange[];
  readonly #pool: BufferPool;
  /** Of the range that is being read, or comes next. */
  #rangeIndex = 0;
  #group: PieceGroup;
  #buffer: PooledBuffer | undefined;
  /** Of the piece that is being filled; 0 between pieces. */
  #filledBytes = 0;
  #positionByte = 0;

  constructor(ranges: readonly PlannedRange[], pool: BufferPool) {
    this.#ranges = ranges;
    this.#pool = pool;
    this.#group = new PieceGroup(pool);
  }

  /** How many bytes of the image were taken. */
  get positionByte(): number {
    return this.#positionByte;
  }

  get hasPieces(): boolean {
    return this.#group.placed.length > 0;
  }

  /** Whether the buffer has no room for all of what comes next. */
  get isFull(): boolean {
    if (this.#filledBytes > 0 || !this.hasPieces) return false;
    const next = this.#ranges[this.#rangeIndex];
    if (next === undefined) return true;
    const nextByte = Math.max(next.startByte, this.#positionByte);
    return !this.#group.hasRoomFor(next.endByte - nextByte);
  }

  /** Takes the next bytes of the image, at most up to the end of a piece. @returns those behind it. */
  async take(bytes: Uint8Array): Promise<Uint8Array> {
    const range = this.#ranges[this.#rangeIndex];
    // Between and behind the ranges the bytes are only counted.
    const beforeBytes = Math.max((range?.startByte ?? Infinity) - this.#positionByte, 0);
    const skipBytes = Math.min(bytes.length, beforeBytes);
    this.#positionByte += skipBytes;
    const rest = bytes.subarray(skipBytes);
    if (range === undefined || rest.length === 0) return rest;
    this.#buffer ??= await this.#pool.take();
    const leftOfRange = range.endByte - this.#positionByte;
    const wantedBytes = Math.min(this.#pool.bufferBytes - this.#filledBytes, leftOfRange);
    const part = rest.subarray(0, wantedBytes);
    this.#buffer.bytes.set(part, this.#group.nextOffset + this.#filledBytes);
    this.#filledBytes += part.length;
    this.#positionByte += part.length;
    if (part.length === wantedBytes) this.#endPiece(range);
    return rest.subarray(part.length);
  }

  /** The image ends here: where nobody knew its size, with a piece that may be short. */
  end(): void {
    const range = this.#ranges[this.#rangeIndex];
    if (range?.endByte === Infinity && this.#filledBytes > 0) this.#endPiece(range);
  }

  /** The pieces of the buffer; the next ones get another. */
  release(): readonly Piece[] {
    const pieces = this.#group.release(this.#buffer!);
    this.#group = new PieceGroup(this.#pool);
    this.#buffer = undefined;
    return pieces;
  }

  #endPiece(range: PlannedRange): void {
    this.#group.add(range, this.#positionByte - this.#filledBytes, this.#filledBytes);
    this.#filledBytes = 0;
    if (this.#positionByte === range.endByte) this.#rangeIndex++;
  }
}

function assertSize({ name }: ImageSource, plan: CopyPlan, sizeBytes: number): void {
  const { imageSizeBytes, names } = plan;
  if (imageSizeBytes === undefined || sizeBytes === imageSizeBytes) return;
  const sizes = `the image has ${sizeBytes} bytes instead of ${imageSizeBytes}`;
  if (names.map === undefined) throw new MismatchError('image-size', `${name}: ${sizes}`);
  const copied = countBlocksBefore(plan, sizeBytes);
  const wanted = countBlocksBefore(plan, imageSizeBytes);
  throw new MismatchError(
    sizeBytes < imageSizeBytes ? 'short-image' : 'image-size',
    `wrote ${copied} blocks from image '${name}' to '${names.target}', but should have ${wanted} - bmap file '${names.map}' does not belong to this image, or the image is not complete: ${sizes}`,
  );
}
