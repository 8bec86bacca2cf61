/**
 * Decodes some blocks of an LZ4 frame by themselves. Their library is given a frame of just these, so
 * that it makes the checks of each block, and many small blocks cost one call to another thread.
 */
import type { NativeDecoder } from '../../../../native/decoder.ts';
import type { Lz4Library } from '../../../../native/lz4.ts';
import { damaged, fromNativeError, type DecodeContext } from './decoder.ts';
import type { StoredBlock } from './lz4-block.ts';
import { LARGEST_BLOCK_BYTES, MAX_HEADER_BYTES, type FrameHeader } from './lz4-format.ts';

/** Of what a group becomes. */
const MAX_GROUP_BYTES = LARGEST_BLOCK_BYTES;
/** Of what it is stored in: the largest block has a size and a checksum. */
const MAX_STORED_BYTES = LARGEST_BLOCK_BYTES + 8;

/** So many of 4 KiB fill a group; each costs memory beside its bytes. */
const MAX_BLOCKS = 1024;

const END_MARK = Buffer.alloc(4);

/** Blocks one behind the other; never none. */
export class BlockGroup {
  readonly frame: FrameHeader;
  readonly blocks: StoredBlock[];
  #storedBytes: number;
  #lengthBytes: number;

  constructor(frame: FrameHeader, first: StoredBlock) {
    this.frame = frame;
    this.blocks = [first];
    this.#storedBytes = first.bytes.length;
    this.#lengthBytes = first.lengthBytes;
  }

  get lengthBytes(): number {
    return this.#lengthBytes;
  }

  /** Of memory, until what it became was used. */
  get costBytes(): number {
    return this.#storedBytes + MAX_GROUP_BYTES;
  }

  /** False if it would become too large. */
  add(block: StoredBlock): boolean {
    const storedBytes = this.#storedBytes + block.bytes.length;
    const lengthBytes = this.#lengthBytes + block.lengthBytes;
    const isFull = this.blocks.length === MAX_BLOCKS;
    if (isFull || storedBytes > MAX_STORED_BYTES || lengthBytes > MAX_GROUP_BYTES) return false;
    this.blocks.push(block);
    this.#storedBytes = storedBytes;
    this.#lengthBytes = lengthBytes;
    return true;
  }
}

/** For one group at a time. */
interface Workplace {
  readonly decoder: NativeDecoder;
  /** Room for the frame that it is given. */
  readonly packed: Buffer;
}

/** Any number of groups may be decoded at the same time. */
export class GroupDecoder {
  readonly #library: Lz4Library;
  readonly #context: DecodeContext;
  readonly #all: Workplace[] = [];
  readonly #idle: Workplace[] = [];
  readonly #unused: Buffer[] = [];

  constructor(library: Lz4Library, context: DecodeContext) {
    this.#library = library;
    this.#context = context;
  }

  /** The data of the blocks, which may be given to `reuse` later. @throws {CorruptError} kind `damaged`. */
  async decode({ frame, blocks, lengthBytes }: BlockGroup): Promise<Buffer> {
    const { startByte } = blocks[0]!;
    const output = this.#unused.pop() ?? Buffer.allocUnsafeSlow(MAX_GROUP_BYTES);
    try {
      const workplace = this.#idle.pop() ?? this.#open();
      let packedBytes = 0;
      for (const bytes of [frame.partHeader, ...blocks.map((block) => block.bytes), END_MARK]) {
        workplace.packed.set(bytes, packedBytes);
        packedBytes += bytes.length;
      }
      const packed = workplace.packed.subarray(0, packedBytes);
      const step = await workplace.decoder.step(packed, true, output);
      if (!step.isComplete || step.producedBytes !== lengthBytes) {
        throw damaged(this.#context, startByte, 'a block is damaged');
      }
      this.#idle.push(workplace);
    } catch (error) {
      throw fromNativeError(error, this.#context, startByte);
    }
    return output.subarray(0, lengthBytes);
  }

  /** Nobody looks at these bytes any more. */
  reuse(bytes: Buffer): void {
    this.#unused.push(Buffer.from(bytes.buffer));
  }

  /** Not while a group is being decoded. */
  close(): void {
    for (const { decoder } of this.#all) decoder.close();
  }

  #open(): Workplace {
    const packed = Buffer.allocUnsafeSlow(MAX_HEADER_BYTES + MAX_STORED_BYTES + END_MARK.length);
    const workplace = { decoder: this.#library.openDecoder(), packed };
    this.#all.push(workplace);
    return workplace;
  }
}
