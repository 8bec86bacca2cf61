/** Images of real power cuts that ship with the repository, with what an outside reader found used. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';

import { RangeSet } from '../../src/ranges/range-set.ts';
import { manifestOf, readFixture, readFixtureFacts } from '../support/fixtures.ts';
import { withMount } from '../support/loop-device.ts';
import { makePoisonedCopy, scanFileForTest } from '../support/poison.ts';
import { describeWith, requireRoot, requireTools } from '../support/requirements.ts';
import { makeScratchFolder } from '../support/scratch.ts';

const FIXTURES = [
  { name: 'ext4-dirty', code: 'ext.journal.replayed', isWhole: false },
  { name: 'ext4-fastcommit', code: 'ext.journal.replayed', isWhole: false },
  // Bitmaps are stale and there is no journal, so everything is mapped.
  { name: 'ext2-unclean', code: 'ext.unclean', isWhole: true },
];

describeWith(requireTools('xz'), 'the map of a power cut', () => {
  it.each(FIXTURES)('is that of the reference: $name', async ({ name, code, isWhole }) => {
    const facts = readFixtureFacts(name);
    const { mapped, findings } = await scanFileForTest(unpack(name));
    const reference = facts.reference_used.map(([startByte, endByte]) => ({ startByte, endByte }));
    const wanted = isWhole ? [{ startByte: 0, endByte: facts.size }] : reference;
    expect([...mapped]).toEqual([...RangeSet.of(...wanted).alignOut(4096, facts.size)]);
    expect(RangeSet.of(...reference).subtract(mapped).isEmpty).toBe(true);
    expect(findings.map((finding) => finding.code)).toEqual([code]);
  });
});

const needs = [...requireRoot(), ...requireTools('xz', 'mount', 'losetup')];

describeWith(needs, 'after a power cut', () => {
  it.each(FIXTURES)('all files are there: $name', async ({ name }) => {
    const facts = readFixtureFacts(name);
    const image = unpack(name);
    const poisoned = `${image}.poisoned`;
    makePoisonedCopy(image, (await scanFileForTest(image)).mapped, poisoned);
    const manifest = withMount(poisoned, { type: 'ext4' }, (folder) => manifestOf(folder, facts));
    expect(manifest).toEqual(facts.manifest_after_recovery);
  });
});

function unpack(name: string): string {
  const file = path.join(makeScratchFolder(), name);
  writeFileSync(file, readFixture(name));
  return file;
}
