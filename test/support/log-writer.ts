/** Writes jbd2 journals block by block, right or wrong, for tests of single rules. */
import { crc32c } from '../../src/bytes/crc32c.ts';
import { encodeInto } from '../../src/bytes/layout.ts';
import { crc32BigEndian } from '../../src/fs-probes/ext/checksum.ts';
import { JournalBlocks } from '../../src/fs-probes/ext/journal/journal-blocks.ts';
import {
  journalSuperblockLayout,
  parseJournalSuperblock,
  type JournalSuperblock,
} from '../../src/fs-probes/ext/journal/journal-superblock.ts';
import { MemoryReader } from '../../src/image/memory-reader.ts';

export const BLOCK_BYTES = 1024;
const MAGIC = 0xc03b3998;

export interface LogOptions {
  readonly blockCount?: number;
  readonly startBlock?: number;
  readonly sequence?: number;
  /** `s_feature_compat`: 1 checksum of version 1. */
  readonly compat?: number;
  /** `s_feature_incompat`: 1 revoke, 2 64bit, 4 async commit, 8 v2, 0x10 v3, 0x20 fast commit. */
  readonly incompat?: number;
}

export interface Copy {
  readonly home: number;
  readonly content?: Uint8Array;
  readonly isEscaped?: boolean;
}

/** How a block may be wrong. */
export interface Wrong {
  readonly checksum?: boolean;
}

export class LogWriter {
  readonly bytes: Uint8Array;
  /** Where the next block goes. Set it to leave something out. */
  position: number;
  sequence: number;
  readonly #options: Required<LogOptions>;
  readonly #seed = crc32c(0xffffffff, new Uint8Array(16));
  #transactionChecksum = 0xffffffff;

  constructor(options: LogOptions = {}) {
    const defaults = { blockCount: 64, startBlock: 1, sequence: 7, compat: 0, incompat: 1 };
    this.#options = { ...defaults, ...options };
    this.bytes = new Uint8Array(this.#options.blockCount * BLOCK_BYTES);
    this.position = this.#options.startBlock;
    this.sequence = this.#options.sequence;
  }

  get #hasTails(): boolean {
    return (this.#options.incompat & 0x18) !== 0;
  }

  /** The journal as a reader sees it. */
  open(): { readonly blocks: JournalBlocks; readonly superblock: JournalSuperblock } {
    const { blockCount, startBlock, sequence, compat, incompat } = this.#options;
    encodeInto(journalSuperblockLayout, this.bytes, {
      h_magic: MAGIC,
      h_blocktype: 4,
      s_blocksize: BLOCK_BYTES,
      s_maxlen: blockCount,
      s_first: 1,
      s_start: startBlock,
      s_sequence: sequence,
      s_feature_compat: compat,
      s_feature_incompat: incompat,
      s_checksum_type: 4,
      s_checksum: 0,
    });
    const s_checksum = crc32c(0xffffffff, this.bytes, 0, 1024);
    if (this.#hasTails) encodeInto(journalSuperblockLayout, this.bytes, { s_checksum });
    const place = { structure: 'jbd2 superblock' };
    const superblock = parseJournalSuperblock(this.bytes, BLOCK_BYTES, blockCount, place);
    const run = { logicalBlock: 0, firstBlock: 0, blockCount };
    const reader = new MemoryReader(this.bytes);
    return { blocks: new JournalBlocks(reader, BLOCK_BYTES, blockCount, [run]), superblock };
  }

  /** A descriptor block and the copies behind it. */
  descriptor(copies: readonly Copy[], wrong: Wrong = {}): this {
    const { incompat } = this.#options;
    const has64Bit = (incompat & 0x2) !== 0;
    const isVersion3 = (incompat & 0x10) !== 0;
    const block = this.#newBlock(1);
    const view = new DataView(block.buffer);
    let at = 12;
    copies.forEach(({ home, content = contentFor(home), isEscaped = false }, index) => {
      const isLast = index === copies.length - 1;
      // The first tag is followed by a UUID, the others say that it is the same.
      const flags = (isEscaped ? 1 : 0) + (index === 0 ? 0 : 2) + (isLast ? 8 : 0);
      const checksum = crc32c(crc32c(this.#seed, bigEndian(this.sequence)), content);
      view.setUint32(at, home % 2 ** 32);
      view.setUint16(at + 6, flags);
      if (has64Bit) view.setUint32(at + 8, Math.floor(home / 2 ** 32));
      if (isVersion3) view.setUint32(at + 12, checksum);
      else if (this.#hasTails) view.setUint16(at + 4, checksum & 0xffff);
      at += isVersion3 ? 16 : 8 + (has64Bit ? 4 : 0) + (this.#hasTails ? 2 : 0);
      if (index === 0) at += 16;
    });
    this.#addTail(block, wrong);
    this.#sum(block);
    this.raw(block);
    for (const { home, content = contentFor(home) } of copies) {
      this.#sum(content);
      this.raw(content);
    }
    return this;
  }

  /** @param usedBytes what the block says of its length, if not the truth. */
  revoke(homes: readonly number[], wrong: Wrong & { readonly usedBytes?: number } = {}): this {
    const has64Bit = (this.#options.incompat & 0x2) !== 0;
    const block = this.#newBlock(5);
    const view = new DataView(block.buffer);
    let at = 16;
    for (const home of homes) {
      if (has64Bit) view.setBigUint64(at, BigInt(home));
      else view.setUint32(at, home);
      at += has64Bit ? 8 : 4;
    }
    view.setUint32(12, wrong.usedBytes ?? at);
    this.#addTail(block, wrong);
    return this.raw(block);
  }

  /** Ends the transaction and goes on to the next. */
  commit(seconds = this.sequence, wrong: Wrong = {}): this {
    const block = this.#newBlock(2);
    const view = new DataView(block.buffer);
    view.setBigUint64(0x30, BigInt(seconds));
    if ((this.#options.compat & 1) !== 0) {
      block.set([1, 4], 0x0c);
      view.setUint32(0x10, this.#transactionChecksum);
    }
    if (this.#hasTails) view.setUint32(0x10, crc32c(this.#seed, block));
    if (wrong.checksum === true) block[0x10]! ^= 1;
    this.#transactionChecksum = 0xffffffff;
    this.sequence = (this.sequence + 1) >>> 0;
    return this.raw(block);
  }

  /** Any block at all. */
  raw(block: Uint8Array): this {
    this.bytes.set(block, this.position * BLOCK_BYTES);
    this.position++;
    if (this.position === this.#options.blockCount) this.position = 1;
    return this;
  }

  #newBlock(type: number): Uint8Array {
    const block = new Uint8Array(BLOCK_BYTES);
    const view = new DataView(block.buffer);
    view.setUint32(0, MAGIC);
    view.setUint32(4, type);
    view.setUint32(8, this.sequence);
    return block;
  }

  #addTail(block: Uint8Array, wrong: Wrong): void {
    if (!this.#hasTails) return;
    const checksum = crc32c(this.#seed, block) ^ (wrong.checksum === true ? 1 : 0);
    new DataView(block.buffer).setUint32(BLOCK_BYTES - 4, checksum);
  }

  #sum(block: Uint8Array): void {
    this.#transactionChecksum = crc32BigEndian(this.#transactionChecksum, block);
  }
}

/** What a copy holds unless the test says otherwise. */
export function contentFor(home: number): Uint8Array {
  return new Uint8Array(BLOCK_BYTES).fill(home);
}

function bigEndian(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}
