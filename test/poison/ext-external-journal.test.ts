/** A filesystem whose journal is another partition, copied in the middle of work. */
import { copyFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';

import { makeSparseFile } from '../support/ext-images.ts';
import { checkExt, populate, treeByDebugfs } from '../support/ext-judges.ts';
import { withLoop, withMountedDevice } from '../support/loop-device.ts';
import { makePoisonedCopy, scanFileForTest } from '../support/poison.ts';
import { copyAtOneMoment, newFiles } from '../support/power-cut.ts';
import { describeWith, requireRoot, requireTools } from '../support/requirements.ts';
import { run } from '../support/run.ts';
import { makeScratchFolder } from '../support/scratch.ts';
import { hashTree } from '../support/tree-hash.ts';

const MiB = 1024 * 1024;
const JOURNAL = { startByte: MiB, lengthBytes: 8 * MiB };
const FILESYSTEM = { startByte: 9 * MiB, lengthBytes: 32 * MiB };
const IMAGE_BYTES = 42 * MiB;

const needs = [
  ...requireRoot(),
  ...requireTools('mke2fs', 'e2fsck', 'debugfs', 'mount', 'losetup', 'sfdisk'),
];

describeWith(needs, 'a journal in another partition', () => {
  it.each([1024, 4096])('is replayed after a power cut: blocks of %i bytes', async (blockBytes) => {
    const image = cutPower(blockBytes);
    const poisoned = `${image}.poisoned`;
    const report = await scanFileForTest(image);
    makePoisonedCopy(image, report.mapped, poisoned);

    expect(report.findings.map(({ code }) => code)).toEqual(['ext.journal.replayed']);
    const [journal, filesystem] = report.volumes.slice(-2);
    expect(journal).toMatchObject({ leftOutBytes: 0, claims: [{ claim: { type: 'jbd2' } }] });
    expect(filesystem!.leftOutBytes).toBeGreaterThan(16 * MiB);

    const { startByte } = FILESYSTEM;
    expect(checkExt(poisoned, startByte)).toBe(checkExt(image, startByte));
    const before = treeByDebugfs(image, startByte);
    expect(treeByDebugfs(poisoned, startByte)).toEqual(before);
    const mounted = `${image}.mounted`;
    copyFileSync(image, mounted);
    const replayed = readTree(mounted);
    expect(readTree(poisoned)).toEqual(replayed);
    expect(replayed).not.toEqual(before);
  });

  it('that is not in the image has the filesystem mapped whole', async () => {
    const image = cutPower(4096);
    const alone = `${image}.alone`;
    run('dd', [`if=${image}`, `of=${alone}`, 'bs=1M', 'skip=9', 'count=32', 'status=none']);
    const { findings, mapped } = await scanFileForTest(alone);
    expect(findings.map(({ code }) => code)).toEqual(['ext.external-journal']);
    expect(findings[0]!.text).toContain('scan again');
    expect(mapped.lengthBytes).toBe(FILESYSTEM.lengthBytes);
  });

  it('is not needed when the filesystem is clean', async () => {
    const image = cutPower(4096);
    readTree(image);
    const alone = `${image}.alone`;
    run('dd', [`if=${image}`, `of=${alone}`, 'bs=1M', 'skip=9', 'count=32', 'status=none']);
    const { findings, mapped } = await scanFileForTest(alone);
    expect(findings).toEqual([]);
    expect(mapped.lengthBytes).toBeLessThan(FILESYSTEM.lengthBytes / 2);
  });
});

function cutPower(blockBytes: number): string {
  const folder = makeScratchFolder();
  const scratch = path.join(folder, 'scratch');
  const image = path.join(folder, 'image');
  makeSparseFile(scratch, IMAGE_BYTES);
  run('sfdisk', ['--quiet', '--label', 'dos', scratch], {
    input: '1MiB,8MiB,83\n9MiB,32MiB,83\n',
  });
  withBoth(scratch, (journal, filesystem) => {
    run('mke2fs', ['-q', '-F', '-b', `${blockBytes}`, '-O', 'journal_dev', journal]);
    const options = ['-t', 'ext4', '-b', `${blockBytes}`, '-J', `device=${journal}`];
    run('mke2fs', ['-q', '-F', ...options, filesystem]);
    withMounted(journal, filesystem, (mounted) => populate(mounted));
    withMounted(journal, filesystem, (mounted) => {
      newFiles(mounted);
      copyAtOneMoment(scratch, image);
    });
  });
  return image;
}

/** Mounts the filesystem, which replays the journal, and unmounts it, which leaves it clean. */
function readTree(image: string): readonly string[] {
  return withBoth(image, (journal, filesystem) => withMounted(journal, filesystem, hashTree));
}

function withBoth<T>(image: string, body: (journal: string, filesystem: string) => T): T {
  return withLoop(image, JOURNAL, (journal) =>
    withLoop(image, FILESYSTEM, (filesystem) => body(journal, filesystem)),
  );
}

function withMounted<T>(journal: string, filesystem: string, body: (folder: string) => T): T {
  const options = `commit=300,journal_path=${journal}`;
  return withMountedDevice(filesystem, { type: 'ext4', options }, body);
}
