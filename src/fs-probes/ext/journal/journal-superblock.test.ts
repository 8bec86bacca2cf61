import { expect, it } from 'vitest';

import { crc32c } from '../../../bytes/crc32c.ts';
import { encodeInto, type Decoded } from '../../../bytes/layout.ts';
import { BmapError } from '../../../errors/errors.ts';
import {
  journalSuperblockLayout,
  parseJournalSuperblock,
  type JournalSuperblock,
} from './journal-superblock.ts';

type Changes = Partial<Decoded<typeof journalSuperblockLayout.fields>>;

const GOOD: Changes = {
  h_magic: 0xc03b3998,
  h_blocktype: 4,
  s_blocksize: 4096,
  s_maxlen: 2048,
  s_first: 1,
  s_sequence: 9,
  s_start: 5,
  s_feature_incompat: 0x13, // revoke, 64bit, v3
  s_checksum_type: 4,
  s_nr_users: 1,
};

function parse(changes: Changes): JournalSuperblock {
  const bytes = new Uint8Array(1024);
  encodeInto(journalSuperblockLayout, bytes, { ...GOOD, ...changes });
  if (changes.s_checksum === undefined) {
    encodeInto(journalSuperblockLayout, bytes, { s_checksum: 0 });
    encodeInto(journalSuperblockLayout, bytes, { s_checksum: crc32c(0xffffffff, bytes) });
  }
  return parseJournalSuperblock(bytes, 4096, 2048, { structure: 'jbd2 superblock' });
}

function faultOf(changes: Changes): string {
  try {
    parse(changes);
  } catch (error) {
    if (error instanceof BmapError) return error.kind;
    throw error;
  }
  return 'none';
}

it('reads a good superblock in our names', () => {
  expect(parse({})).toMatchObject({
    firstBlock: 1,
    endBlock: 2048,
    fastCommitStart: 2048,
    fastCommitEnd: 2048,
    startBlock: 5,
    sequence: 9,
    hasErrorCode: false,
    has64BitBlocks: true,
    hasAsyncCommit: false,
    checksums: 'v3',
  });
});

it('finds the blocks of fast commits behind the log, and one between', () => {
  const fast = { s_feature_incompat: 0x33 };
  expect(parse(fast)).toMatchObject({
    endBlock: 1792,
    fastCommitStart: 1793,
    fastCommitEnd: 2048,
  });
  expect(parse({ ...fast, s_num_fc_blks: 100 })).toMatchObject({ endBlock: 1948 });
});

it('knows no features in version 1', () => {
  expect(parse({ h_blocktype: 3, s_feature_incompat: 0xffffffff })).toMatchObject({
    has64BitBlocks: false,
    checksums: 'none',
  });
});

it('tells the kinds of checksums apart', () => {
  expect(parse({ s_feature_incompat: 0x1 }).checksums).toBe('none');
  expect(parse({ s_feature_incompat: 0x1, s_feature_compat: 1 }).checksums).toBe('v1');
  expect(parse({ s_feature_incompat: 0x9 }).checksums).toBe('v2');
});

it.each<[string, Changes]>([
  ['bad-journal', { h_magic: 0 }],
  ['bad-journal', { h_blocktype: 2 }],
  ['bad-journal', { s_checksum: 1 }],
  ['bad-journal', { s_checksum_type: 1 }],
  ['bad-journal', { s_feature_incompat: 0x19 }],
  ['bad-journal', { s_feature_compat: 1 }],
  ['bad-journal', { s_blocksize: 1024 }],
  ['bad-journal', { s_maxlen: 2049 }],
  ['bad-journal', { s_first: 0 }],
  ['bad-journal', { s_first: 2048 }],
  ['bad-journal', { s_start: 2048 }],
  ['bad-journal', { s_feature_incompat: 0x33, s_num_fc_blks: 1025 }],
  ['bad-journal', { s_feature_incompat: 0x33, s_num_fc_blks: 0xffffffff }],
  ['bad-journal', { s_feature_incompat: 0x33, s_start: 1792 }],
  ['unknown-journal-feature', { s_feature_incompat: 0x53 }],
  ['unknown-journal-feature', { s_feature_compat: 2 }],
  ['unknown-journal-feature', { s_feature_ro_compat: 1 }],
])('refuses one wrong field: %s, %o', (kind, changes) => {
  expect(faultOf(changes)).toBe(kind);
});
