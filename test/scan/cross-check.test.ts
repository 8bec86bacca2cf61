/** The second readers, against maps that are right and maps that were made wrong. Crosses threads. */
import path from 'node:path';

import { expect, it } from 'vitest';

import type * as fileReaders from '../../src/image/file-reader.ts';
import type * as rangeSets from '../../src/ranges/range-set.ts';
import type * as crossChecks from '../../src/scan/cross-check.ts';
import type * as scans from '../../src/scan/scan-image.ts';
import type { Survey } from '../../src/scan/scan-image.ts';
import { makeDemoImage } from '../support/demo-image.ts';

const dist = path.resolve('dist/src');
const { FileReader } = (await import(
  path.join(dist, 'image/file-reader.js')
)) as typeof fileReaders;
const { RangeSet } = (await import(path.join(dist, 'ranges/range-set.js'))) as typeof rangeSets;
const { crossCheck } = (await import(path.join(dist, 'scan/cross-check.js'))) as typeof crossChecks;
const { decideMapping, surveyImage } = (await import(
  path.join(dist, 'scan/scan-image.js')
)) as typeof scans;

const CODES = /^cross-check\./;

function codesOf({ findings }: Survey): readonly string[] {
  return findings.map(({ code }) => code).filter((code) => CODES.test(code));
}

async function withSurvey(
  body: (survey: Survey, reader: fileReaders.FileReader) => Promise<void>,
): Promise<void> {
  const reader = new FileReader(makeDemoImage());
  try {
    await body(await surveyImage(reader), reader);
  } finally {
    reader.close();
  }
}

it('second readers agree with a right map, and change nothing', async () => {
  await withSurvey(async (survey, reader) => {
    const checked = await crossCheck(survey, reader);
    expect(codesOf(checked)).toEqual(['cross-check.agrees', 'cross-check.agrees']);
    expect([...decideMapping(checked).mapped]).toEqual([...decideMapping(survey).mapped]);
  });
});

it.each(['ext', 'fat'])('what a wrong map of %s leaves out is mapped again', async (probeName) => {
  await withSurvey(async (survey, reader) => {
    const right = decideMapping(survey).mapped;
    // A reader of ours that lost all data of the filesystem.
    const wrong: Survey = {
      ...survey,
      claims: survey.claims.map((claim) => {
        if (claim.probeName !== probeName) return claim;
        const lost = claim.used.get('data') ?? RangeSet.empty;
        const used = new Map([...claim.used].filter(([kind]) => kind !== 'data'));
        return { ...claim, used, released: claim.released.union(lost) };
      }),
    };
    expect(right.subtract(decideMapping(wrong).mapped).isEmpty).toBe(false);
    const checked = await crossCheck(wrong, reader);
    expect(codesOf(checked).toSorted()).toEqual(['cross-check.agrees', 'cross-check.differs']);
    expect(right.subtract(decideMapping(checked).mapped).isEmpty).toBe(true);
  });
});
