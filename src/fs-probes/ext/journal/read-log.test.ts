import { describe, expect, it } from 'vitest';

import { BLOCK_BYTES, LogWriter } from '../../../../test/support/log-writer.ts';
import { BmapError } from '../../../errors/errors.ts';
import { JournalBlocks } from './journal-blocks.ts';
import { readLog } from './read-log.ts';

const ASYNC = 4;
const V2 = 8;
const V3 = 0x10;
const FORMATS = [0, 2, V2, V2 | 2, V3, V3 | 2].map((bits) => ({ incompat: 1 | bits }));

/** The homes of the complete transactions, and the number of the next one. */
function homesOf(writer: LogWriter): { homes: number[][]; next: number } {
  const { blocks, superblock } = writer.open();
  const { transactions, nextSequence } = readLog(blocks, superblock);
  return {
    homes: transactions.map(({ blocks: logged }) => logged.map(({ homeBlock }) => homeBlock)),
    next: nextSequence,
  };
}

function faultOf(writer: LogWriter): string {
  try {
    homesOf(writer);
  } catch (error) {
    if (error instanceof BmapError) return error.kind;
    throw error;
  }
  return 'none';
}

describe.each(FORMATS)('a log with features $incompat', (options) => {
  it('ends with its last complete transaction', () => {
    const writer = new LogWriter(options);
    writer.descriptor([{ home: 100 }, { home: 200 }, { home: 300 }]).commit();
    writer
      .descriptor([{ home: 101 }])
      .descriptor([{ home: 102 }])
      .commit();
    writer.descriptor([{ home: 103 }]);
    expect(homesOf(writer)).toEqual({
      homes: [
        [100, 200, 300],
        [101, 102],
      ],
      next: 9,
    });
  });

  it('names the homes that were revoked', () => {
    const writer = new LogWriter(options);
    writer
      .descriptor([{ home: 100 }])
      .revoke([7, 8, 9])
      .commit();
    const { blocks, superblock } = writer.open();
    expect(readLog(blocks, superblock).transactions[0]!.revokedHomes).toEqual([7, 8, 9]);
    expect(faultOf(new LogWriter(options).revoke([7], { usedBytes: 2000 }).commit())).toBe(
      'bad-journal',
    );
  });

  it('goes round', () => {
    const writer = new LogWriter({ ...options, startBlock: 60 });
    writer.descriptor([{ home: 100 }, { home: 200 }, { home: 300 }, { home: 400 }]).commit();
    writer.descriptor([{ home: 500 }]).commit();
    const { blocks, superblock } = writer.open();
    const [first] = readLog(blocks, superblock).transactions;
    expect(first!.blocks.map(({ logBlock }) => logBlock)).toEqual([61, 62, 63, 1]);
    expect(homesOf(writer).homes).toEqual([[100, 200, 300, 400], [500]]);
  });

  it('may be full to the last block', () => {
    const writer = new LogWriter({ ...options, blockCount: 7 });
    writer
      .descriptor([{ home: 100 }])
      .commit()
      .descriptor([{ home: 200 }])
      .commit();
    expect(homesOf(writer)).toEqual({ homes: [[100], [200]], next: 9 });
  });

  it('counts transactions on from 2^32 - 1 to 0', () => {
    const writer = new LogWriter({ ...options, sequence: 0xffffffff });
    writer
      .descriptor([{ home: 100 }])
      .commit(1)
      .descriptor([{ home: 200 }])
      .commit(2);
    expect(homesOf(writer)).toEqual({ homes: [[100], [200]], next: 1 });
  });

  it('is refused when a transaction leads round to itself', () => {
    const writer = new LogWriter({ ...options, blockCount: 7 });
    writer.descriptor([{ home: 1 }, { home: 2 }]).descriptor([{ home: 3 }, { home: 4 }]);
    expect(faultOf(writer)).toBe('bad-journal');
  });

  it('ends at a block of an unknown type', () => {
    const writer = new LogWriter(options);
    writer
      .descriptor([{ home: 100 }])
      .commit()
      .descriptor([{ home: 200 }]);
    new DataView(writer.bytes.buffer).setUint32(4 * BLOCK_BYTES + 4, 3);
    expect(homesOf(writer).homes).toEqual([[100]]);
  });
});

it('keeps block numbers above 2^32 with 64bit only', () => {
  const home = 2 ** 33 + 5;
  expect(homesOf(new LogWriter({ incompat: 3 }).descriptor([{ home }]).commit()).homes).toEqual([
    [home],
  ]);
  expect(homesOf(new LogWriter().descriptor([{ home }]).commit()).homes).toEqual([[5]]);
});

it('is empty if nothing waits', () => {
  const writer = new LogWriter({ startBlock: 0, sequence: 5 });
  expect(homesOf(writer)).toEqual({ homes: [], next: 5 });
});

describe.each([{ incompat: 1 | V2 }, { incompat: 1 | V3 }])(
  'checksums of every block, features $incompat',
  (options) => {
    const started = (): LogWriter =>
      new LogWriter(options).descriptor([{ home: 100 }]).commit(1000);

    it('end the log where an older round of it begins', () => {
      const wrong = { checksum: true };
      for (const writer of [
        started()
          .descriptor([{ home: 200 }])
          .commit(999, wrong),
        started()
          .descriptor([{ home: 200 }], wrong)
          .commit(999),
        started().revoke([200], wrong).commit(999),
        started().descriptor([{ home: 200 }], wrong),
      ]) {
        expect(homesOf(writer)).toEqual({ homes: [[100]], next: 8 });
      }
    });

    it('refuse the log if it was damaged later', () => {
      const wrong = { checksum: true };
      for (const writer of [
        started()
          .descriptor([{ home: 200 }])
          .commit(1000, wrong),
        started()
          .descriptor([{ home: 200 }], wrong)
          .commit(1000),
        started().revoke([200], wrong).commit(1001),
      ]) {
        expect(faultOf(writer)).toBe('bad-journal');
      }
    });
  },
);

describe('an asynchronous commit', () => {
  const wrong = { checksum: true };
  it.each([{ incompat: 1 | V3 | ASYNC }, { compat: 1, incompat: 1 | ASYNC }])(
    'may have come before its transaction, if it is the last: %o',
    (options) => {
      const writer = new LogWriter(options).descriptor([{ home: 100 }]).commit();
      writer.descriptor([{ home: 200 }]).commit(8, wrong);
      expect(homesOf(writer)).toEqual({ homes: [[100]], next: 8 });
      writer.descriptor([{ home: 300 }]);
      expect(homesOf(writer)).toEqual({ homes: [[100]], next: 8 });
      writer.commit();
      expect(faultOf(writer)).toBe('bad-journal');
    },
  );
});

describe('checksums of version 1', () => {
  const options = { compat: 1 };
  it('cover descriptors and copies of the transaction', () => {
    const writer = new LogWriter(options);
    writer
      .descriptor([{ home: 100 }])
      .descriptor([{ home: 200 }, { home: 201 }])
      .commit();
    writer.descriptor([{ home: 300 }]).commit();
    expect(homesOf(writer).homes).toEqual([[100, 200, 201], [300]]);
    writer.bytes[5 * BLOCK_BYTES]! ^= 1;
    expect(faultOf(writer)).toBe('bad-journal');
  });
  it('may be missing', () => {
    const writer = new LogWriter(options).descriptor([{ home: 100 }]).commit();
    writer.bytes.fill(0, 3 * BLOCK_BYTES + 0x0c, 3 * BLOCK_BYTES + 0x14);
    expect(homesOf(writer).homes).toEqual([[100]]);
  });
});

it('does not follow a log round when fast commits lie behind it', () => {
  // 1,024 blocks of log, then 256 of fast commits; the last transaction touches the end of the log.
  const options = { blockCount: 1024 + 256, incompat: 0x21 };
  const inside = new LogWriter({ ...options, startBlock: 1020 });
  expect(faultOf(inside.descriptor([{ home: 100 }]))).toBe('none');
  const across = new LogWriter({ ...options, startBlock: 1022 });
  expect(faultOf(across.descriptor([{ home: 100 }]))).toBe('fast-commit-wrap');
});

it('is refused if a block of it is missing', () => {
  const writer = new LogWriter().descriptor([{ home: 100 }]).commit();
  const { blocks, superblock } = writer.open();
  const withHole = new JournalBlocks(blocks.reader, BLOCK_BYTES, 64, [
    { logicalBlock: 0, firstBlock: 0, blockCount: 3 },
    { logicalBlock: 4, firstBlock: 4, blockCount: 60 },
  ]);
  expect(() => readLog(withHole, superblock)).toThrow('block 3 is missing');
});

it('is refused if more blocks are revoked than memory has room for', () => {
  const writer = new LogWriter({ blockCount: 5000 });
  const homes = Array.from({ length: 252 }, (_, index) => index);
  for (let count = 0; count < 4200; count++) writer.revoke(homes);
  expect(faultOf(writer)).toBe('journal-too-large');
});
