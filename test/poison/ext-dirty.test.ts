/**
 * Poison tests of ext filesystems that were not cleanly unmounted. What the map leaves out is
 * overwritten, and three readers must see what they see in the untouched image: the kernel, which
 * replays the journal; e2fsck before any replay; and debugfs, which never replays.
 */
import { expect, it } from 'vitest';

import { judgePowerCut } from '../support/power-cut-judge.ts';
import {
  deepFolders,
  escapedData,
  newFiles,
  orphans,
  reusedFolders,
  wrappedLog,
  type PowerCut,
} from '../support/power-cut.ts';
import { describeWith, requireRoot, requireTools } from '../support/requirements.ts';

const MiB = 1024 * 1024;

const CUTS: readonly (Partial<PowerCut> & Pick<PowerCut, 'options' | 'work'>)[] = [
  { options: '-t ext4 -b 1024', work: newFiles },
  { options: '-t ext4 -b 2048', work: newFiles },
  { options: '-t ext4 -b 4096', work: newFiles },
  { options: '-t ext4 -b 4096 -O ^64bit', work: newFiles },
  { options: '-t ext4 -b 1024 -O metadata_csum_seed,orphan_file -I 512', work: newFiles },
  { options: '-t ext3 -b 1024', work: newFiles },
  { options: '-t ext3 -b 4096', work: reusedFolders },
  { options: '-t ext4 -b 1024 -O ^metadata_csum', work: newFiles },
  { options: '-t ext4 -b 4096 -O ^metadata_csum,^64bit', work: reusedFolders },
  { options: '-t ext4 -b 1024 -O ^metadata_csum,uninit_bg', work: newFiles },
  {
    options: '-t ext4 -b 1024 -O ^metadata_csum',
    mountOptions: 'journal_checksum',
    work: newFiles,
  },
  {
    options: '-t ext4 -b 2048 -O ^metadata_csum,uninit_bg',
    mountOptions: 'journal_async_commit,data=writeback',
    work: reusedFolders,
  },
  {
    options: '-t ext4 -b 1024',
    mountOptions: 'journal_async_commit,data=writeback',
    work: newFiles,
  },
  { options: '-t ext4 -b 4096 -J size=16', mountOptions: 'data=journal', work: escapedData },
  { options: '-t ext4 -b 1024 -J size=16', mountOptions: 'data=journal', work: escapedData },
  { options: '-t ext3 -b 1024 -J size=8', mountOptions: 'data=journal', work: escapedData },
  { options: '-t ext4 -b 4096 -O bigalloc -C 16384', work: newFiles },
  { options: '-t ext4 -b 1024 -O bigalloc -C 8192', work: reusedFolders },
  { options: '-t ext4 -b 4096 -O fast_commit', work: newFiles },
  { options: '-t ext4 -b 1024 -O fast_commit', work: newFiles },
  { options: '-t ext4 -b 4096 -O fast_commit', work: reusedFolders },
  { options: '-t ext4 -b 4096 -O fast_commit,bigalloc -C 16384', work: newFiles },
  { options: '-t ext4 -b 1024 -J size=1', work: wrappedLog },
  { options: '-t ext4 -b 1024 -O ^metadata_csum -J size=1', work: wrappedLog },
  { options: '-t ext3 -b 1024 -J size=1', work: wrappedLog },
  { options: '-t ext4 -b 1024', work: reusedFolders },
  { options: '-t ext4 -b 4096', work: reusedFolders },
  { options: '-t ext4 -b 2048 -O fast_commit', work: deepFolders },
  { options: '-t ext4 -b 4096 -i 65536', work: wrappedLog },
  { options: '-t ext4 -b 1024', work: deepFolders },
  { options: '-t ext4 -b 4096 -O orphan_file', work: orphans },
  { options: '-t ext4 -b 1024 -O ^orphan_file', work: orphans },
  { options: '-t ext4 -b 1024', startByte: 63 * 512, work: newFiles },
  { options: '-t ext4 -b 4096', startByte: 2049 * 512, work: reusedFolders },
  { options: '-t ext4 -b 1024 -O meta_bg,^resize_inode -g 512', work: newFiles },
];

const needs = [
  ...requireRoot(),
  ...requireTools('mke2fs', 'e2fsck', 'debugfs', 'mount', 'losetup', 'sfdisk'),
];

describeWith(needs, 'what the map leaves out after a power cut', () => {
  it.each(CUTS.map((cut) => ({ ...cut, name: cut.work.name })))(
    'nobody misses: $name, $options $mountOptions $startByte',
    async (cut) => {
      const { report, before, after, isMixed } = await judgePowerCut({
        sizeBytes: 64 * MiB,
        ...cut,
      });
      expect(report.findings.map(({ code }) => code)).toEqual(['ext.journal.replayed']);
      // Else the journal would hold nothing that matters.
      expect(before).not.toEqual(after);
      // Only work that fills the log has blocks written home in between.
      const fillsLog = cut.work === reusedFolders || cut.work === wrappedLog;
      expect(isMixed && !fillsLog).toBe(false);
    },
  );
});
