import { describe, expect, it } from 'vitest';

import { BLOCK_BYTES, contentFor, LogWriter } from '../../../../test/support/log-writer.ts';
import { BmapError } from '../../../errors/errors.ts';
import type { ImageReader } from '../../../image/image-reader.ts';
import { MemoryReader } from '../../../image/memory-reader.ts';
import { readLog } from './read-log.ts';
import { replay } from './replay.ts';

const HOME_BLOCKS = 50;

/** The filesystem after the replay; before it every byte is 0xee. */
function replayed(writer: LogWriter): ImageReader {
  const base = new MemoryReader(new Uint8Array(HOME_BLOCKS * BLOCK_BYTES).fill(0xee));
  const { blocks, superblock } = writer.open();
  return replay(base, blocks, superblock, readLog(blocks, superblock).transactions);
}

/** The first byte of a block. */
function read(reader: ImageReader, block: number): number {
  return reader.readAt(block * BLOCK_BYTES, BLOCK_BYTES)[0]!;
}

function faultOf(writer: LogWriter): string {
  try {
    replayed(writer);
  } catch (error) {
    if (error instanceof BmapError) return error.kind;
    throw error;
  }
  return 'none';
}

const V3 = { incompat: 0x11 };

describe('after the replay', () => {
  it('a block has its last copy', () => {
    const writer = new LogWriter(V3);
    writer.descriptor([{ home: 10 }, { home: 11 }]).commit();
    writer.descriptor([{ home: 10, content: contentFor(99) }]).commit();
    const reader = replayed(writer);
    expect([9, 10, 11, 12].map((block) => read(reader, block))).toEqual([0xee, 99, 11, 0xee]);
  });

  it('a revoked copy is not put back, a later one is', () => {
    const writer = new LogWriter(V3);
    writer.descriptor([{ home: 10 }, { home: 11 }, { home: 12 }]).commit();
    writer
      .revoke([10, 11])
      .descriptor([{ home: 12, content: contentFor(99) }])
      .commit();
    writer.descriptor([{ home: 11, content: contentFor(98) }]).commit();
    const reader = replayed(writer);
    expect([10, 11, 12].map((block) => read(reader, block))).toEqual([0xee, 98, 99]);
  });

  it('a revocation holds for copies of its own transaction, wherever it stands', () => {
    const writer = new LogWriter(V3)
      .revoke([10])
      .descriptor([{ home: 10 }])
      .commit();
    expect(read(replayed(writer), 10)).toBe(0xee);
  });

  it('an uncommitted revocation does not count', () => {
    const writer = new LogWriter(V3)
      .descriptor([{ home: 10 }])
      .commit()
      .revoke([10]);
    expect(read(replayed(writer), 10)).toBe(10);
  });

  it('an escaped block has the magic number again', () => {
    const content = contentFor(5);
    content.fill(0, 0, 4);
    const writer = new LogWriter(V3).descriptor([{ home: 10, content, isEscaped: true }]).commit();
    const bytes = replayed(writer).readAt(10 * BLOCK_BYTES, 8);
    expect([...bytes]).toEqual([0xc0, 0x3b, 0x39, 0x98, 5, 5, 5, 5]);
  });

  it('a read may start and end inside of copies', () => {
    const writer = new LogWriter().descriptor([{ home: 10 }, { home: 12 }]).commit();
    const bytes = replayed(writer).readAt(11 * BLOCK_BYTES - 2, BLOCK_BYTES + 4);
    expect([...bytes.subarray(0, 3)]).toEqual([10, 10, 0xee]);
    expect([...bytes.subarray(-3)]).toEqual([0xee, 12, 12]);
  });
});

describe('a replay is refused', () => {
  it('for a copy that does not match its checksum', () => {
    for (const incompat of [0x09, 0x11]) {
      const writer = new LogWriter({ incompat }).descriptor([{ home: 10 }, { home: 11 }]).commit();
      writer.bytes[3 * BLOCK_BYTES + 77]! ^= 1;
      expect(faultOf(writer)).toBe('bad-journal');
      // Unless nobody wants that copy.
      expect(faultOf(writer.revoke([11]).commit())).toBe('none');
    }
  });

  it('for a home outside of the volume', () => {
    expect(faultOf(new LogWriter().descriptor([{ home: HOME_BLOCKS }]).commit())).toBe(
      'bad-journal',
    );
    expect(faultOf(new LogWriter().descriptor([{ home: HOME_BLOCKS - 1 }]).commit())).toBe('none');
  });
});
