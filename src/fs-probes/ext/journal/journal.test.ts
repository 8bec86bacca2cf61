/** Journals of every format, written by debugfs, so that they can be tested without root. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { expect, it } from 'vitest';

import { makeDirtyImage, makeFilesystems } from '../../../../test/support/dirty-journal.ts';
import { freeByDumpe2fs, probeExtFile } from '../../../../test/support/ext-images.ts';
import { treeByDebugfs } from '../../../../test/support/ext-judges.ts';
import { describeWith, requireTools } from '../../../../test/support/requirements.ts';
import { run, tryRun } from '../../../../test/support/run.ts';

const MiB = 1024 * 1024;
const SIZE_BYTES = 16 * MiB;

const FORMATS = [
  { tagBytes: 8, make: '-t ext3 -b 1024', open: '' },
  { tagBytes: 8, make: '-t ext4 -b 4096 -O ^64bit,^metadata_csum', open: '' },
  { tagBytes: 12, make: '-t ext4 -b 1024 -O ^metadata_csum', open: '' },
  { tagBytes: 10, make: '-t ext4 -b 1024 -O ^64bit', open: '-c -v 2' },
  { tagBytes: 14, make: '-t ext4 -b 1024', open: '-c -v 2' },
  { tagBytes: 16, make: '-t ext4 -b 1024', open: '-c -v 3' },
  { tagBytes: 16, make: '-t ext4 -b 2048 -O ^64bit', open: '-c -v 3' },
  { tagBytes: 16, make: '-t ext4 -b 1024 -O bigalloc -C 4096', open: '-c -v 3' },
];

/** Records of 4 and of 8 bytes, with and without a checksum behind them. */
const REVOKE_FORMATS = FORMATS.filter(({ make }) =>
  ['-t ext3 -b 1024', '-t ext4 -b 1024 -O ^metadata_csum', '-t ext4 -b 1024'].includes(make),
);

const needs = requireTools('mke2fs', 'debugfs', 'dumpe2fs', 'e2fsck', 'resize2fs');

describeWith(needs, 'a journal that debugfs wrote', () => {
  it.each(FORMATS)('is replayed: tags of $tagBytes bytes, $make', ({ tagBytes, make, open }) => {
    const { before, after, image } = makeFilesystems(make, SIZE_BYTES);
    const loggedBlocks = makeDirtyImage(before, after, image, { open });
    expect(loggedBlocks).toBeGreaterThan(5);
    expect(tagBytesByDumpe2fs(image)).toBe(tagBytes);
    expectUnionOf(before, after, image);
  });

  it.each(REVOKE_FORMATS)('keeps revoked copies out: tags of $tagBytes bytes, $make', (format) => {
    const { before, after, image } = makeFilesystems(format.make, SIZE_BYTES);
    const text = run('dumpe2fs', [after]);
    const revoked = [Number(/Block bitmap at (\d+)/.exec(text)![1])];
    makeDirtyImage(before, after, image, { open: format.open, revoked });
    // The bitmap is at home already, so only the state after the replay is whole.
    const { used, findings } = probeExtFile(image);
    expect(findings.map(({ code }) => code)).toEqual(['ext.journal.replayed']);
    expect(used.complementWithin(0, SIZE_BYTES).subtract(freeByDumpe2fs(after)).isEmpty).toBe(true);
    expectReplayGives(after, image);
  });

  it('is replayed though its inode is lost', () => {
    const { before, after, image } = makeFilesystems('-t ext4 -b 1024', SIZE_BYTES);
    makeDirtyImage(before, after, image, { open: '-c -v 3' });
    const good = probeExtFile(image).used;
    const startByte = Number(/Inode table at (\d+)/.exec(run('dumpe2fs', [image]))![1]) * 1024;
    const file = openSync(image, 'r+');
    writeSync(file, new Uint8Array(256), 0, 256, startByte + 7 * 256);
    closeSync(file);
    const { used, findings } = probeExtFile(image);
    expect(findings.map(({ code }) => code)).toEqual(['ext.journal-inode', 'ext.journal.replayed']);
    expect([...used]).toEqual([...good]);
  });

  it('is replayed by either sign of being dirty', () => {
    const { before, after, image } = makeFilesystems('-t ext4 -b 1024', SIZE_BYTES);
    run('debugfs', ['-w', '-R', 'feature needs_recovery', before]);
    const empty = probeExtFile(before);
    expect(empty.facts.state).toBe('replayed');
    expect(empty.findings[0]!.text).toContain('0 transactions');
    run('debugfs', ['-w', '-R', 'feature -needs_recovery', before]);
    expect(probeExtFile(before).facts.state).toBe('clean');

    makeDirtyImage(before, after, image, { open: '-c -v 3' });
    const good = probeExtFile(image).used;
    run('debugfs', ['-w', '-R', 'feature -needs_recovery', image]);
    const { used, facts } = probeExtFile(image);
    expect(facts.state).toBe('replayed');
    expect([...used]).toEqual([...good]);
  });

  it('may hold the news that the filesystem has grown', () => {
    for (const make of ['-t ext4 -b 1024', '-t ext4 -b 4096 -g 1024', '-t ext3 -b 1024']) {
      const { before, after, image } = makeFilesystems(make, SIZE_BYTES, SIZE_BYTES / 2);
      run('resize2fs', ['-f', after, `${SIZE_BYTES / 1024}K`]);
      makeDirtyImage(before, after, image, { open: make.includes('ext4') ? '-c -v 3' : '' });
      expect(probeExtFile(image).claim.lengthBytes).toBe(SIZE_BYTES);
      expectUnionOf(before, after, image);
    }
  });
});

/** What the features of the journal come to. */
function tagBytesByDumpe2fs(image: string): number {
  const features = /^Journal features: +(.*)$/m.exec(run('dumpe2fs', ['-h', image]))![1]!;
  if (features.includes('journal_checksum_v3')) return 16;
  const has64Bit = features.includes('journal_64bit');
  return 8 + (has64Bit ? 4 : 0) + (features.includes('journal_checksum_v2') ? 2 : 0);
}

/** The map is what dumpe2fs calls used before or after the replay: not less, and not more. */
function expectUnionOf(before: string, after: string, image: string): void {
  const { used, findings, facts, claim } = probeExtFile(image);
  expect(findings.map(({ code }) => code)).toEqual(['ext.journal.replayed']);
  expect(facts.state).toBe('replayed');
  const [usedBefore, usedAfter] = [before, after].map((file) =>
    freeByDumpe2fs(file).complementWithin(0, probeExtFile(file).claim.lengthBytes),
  );
  expect(claim.lengthBytes).toBe(SIZE_BYTES);
  expect([...used]).toEqual([...usedBefore!.union(usedAfter!)]);
  expect(usedAfter!.subtract(usedBefore!).isEmpty).toBe(false);
  expectReplayGives(after, image);
}

/** e2fsck replays the journal, and finds the files of `after` then. */
function expectReplayGives(after: string, image: string): void {
  tryRun('e2fsck', ['-fy', image]);
  expect(treeByDebugfs(image)).toEqual(treeByDebugfs(after));
  expect(run('e2fsck', ['-fn', image])).toContain('files');
}
