import { copyFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'vitest';

import type { ScanReport } from '../../src/scan/scan-image.ts';
import { checkExt, treeByDebugfs, treeByMount } from './ext-judges.ts';
import { makePoisonedCopy, scanFileForTest } from './poison.ts';
import { cutPower, type PowerCut } from './power-cut.ts';
import { makeScratchFolder } from './scratch.ts';

export interface Judged {
  readonly report: ScanReport;
  /** All files, seen by a reader that does not replay the journal. */
  readonly before: readonly string[];
  /** All files after the kernel has replayed it. */
  readonly after: readonly string[];
  /** Nothing can be said about readers that do not replay. */
  readonly isMixed: boolean;
}

/**
 * Inodes that name blocks which the bitmap at home calls free. Then blocks of several transactions were
 * being written home, some were and some not, and what a reader sees that does not replay is no state
 * that ever was. Neither the bitmap before nor the one after the replay need know such blocks.
 */
const USED_BUT_NOT_MARKED = /^Block bitmap differences: .*\+/m;

/**
 * Cuts the power, overwrites what the map leaves out, and lets three readers compare the result with
 * the untouched image: e2fsck and debugfs before any replay, and the kernel, which replays.
 */
export async function judgePowerCut(cut: PowerCut): Promise<Judged> {
  const folder = makeScratchFolder();
  const image = path.join(folder, 'image');
  const poisoned = path.join(folder, 'poisoned');
  const startByte = cut.startByte ?? 0;
  cutPower(cut, path.join(folder, 'scratch'), image);

  const report = await scanFileForTest(image);
  makePoisonedCopy(image, report.mapped, poisoned);

  const complaints = checkExt(image, startByte);
  expect(checkExt(poisoned, startByte)).toBe(complaints);
  const isMixed = USED_BUT_NOT_MARKED.test(complaints);
  const before = treeByDebugfs(image, startByte);
  if (!isMixed) expect(treeByDebugfs(poisoned, startByte)).toEqual(before);
  // Mounting replays the journal, so it comes last, and on copies.
  const mounted = path.join(folder, 'mounted');
  copyFileSync(image, mounted);
  const after = treeByMount(mounted, startByte);
  expect(treeByMount(poisoned, startByte)).toEqual(after);
  // Not always without complaint: the kernel's replay of fast commits leaves wrong counts behind.
  expect(checkExt(poisoned, startByte)).toBe(checkExt(mounted, startByte));
  return { report, before, after, isMixed };
}
