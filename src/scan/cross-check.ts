/**
 * The second opinion: independent readers look at the same volumes, and what either calls used is
 * mapped. Loaded only when asked for.
 */
import type { Finding } from '../errors/finding.ts';
import type { FileReader } from '../image/file-reader.ts';
import { RangeSet, RangeSetBuilder } from '../ranges/range-set.ts';
import { claimBounds, type ClaimResult } from './claim-result.ts';
import type { Survey } from './scan-image.ts';

/** What the other reader calls used, in positions of the image, or why it does not say. */
type Opinion =
  | { readonly kind: 'used'; readonly used: RangeSet }
  | { readonly kind: 'refused'; readonly reason: string };

type SecondReader = (reader: FileReader, claim: ClaimResult) => Promise<Opinion>;

/** By the name of our own reader. */
const secondReaders: ReadonlyMap<string, { readonly name: string; readonly ask: SecondReader }> =
  new Map([
    ['ext', { name: 'e2fsprogs', ask: askE2fsprogs }],
    ['fat', { name: 'fatfs', ask: askFatfs }],
  ]);

/** The survey with everything kept that a second reader calls used, and a finding on each volume. */
export async function crossCheck(survey: Survey, reader: FileReader): Promise<Survey> {
  const kept = new RangeSetBuilder();
  const findings: Finding[] = [];
  for (const claim of survey.claims) {
    const second = secondReaders.get(claim.probeName ?? '');
    if (second === undefined || claim.facts === undefined || claim.whole !== undefined) continue;
    const opinion = await second.ask(reader, claim);
    if (opinion.kind === 'used') kept.addAll(claim.released.intersect(opinion.used));
    findings.push(describeOpinion(claim, second.name, opinion));
  }
  return {
    ...survey,
    kept: survey.kept.union(kept.build()),
    findings: [...survey.findings, ...findings],
  };
}

function describeOpinion(
  { claim, released }: ClaimResult,
  readerName: string,
  opinion: Opinion,
): Finding {
  const { name, startByte } = claim.volume;
  if (opinion.kind === 'refused') {
    const text = `${name}: ${readerName} gave no answer, so the map is as it would be without it: ${opinion.reason}`;
    return { level: 'info', code: 'cross-check.skipped', text, startByte };
  }
  const disputed = released.intersect(opinion.used);
  if (disputed.isEmpty) {
    const text = `${name}: ${readerName} agrees with what is left out`;
    return { level: 'info', code: 'cross-check.agrees', text, startByte };
  }
  return {
    level: 'warning',
    code: 'cross-check.differs',
    text: `${name}: ${readerName} calls ${disputed.lengthBytes} bytes used that the scan would leave out, the first at byte ${disputed.at(0).startByte} of the image; they are mapped. Please report this`,
    startByte,
  };
}

async function askE2fsprogs(reader: FileReader, { claim, facts }: ClaimResult): Promise<Opinion> {
  if (facts?.state !== 'clean') {
    return { kind: 'refused', reason: 'it does not replay journals' };
  }
  const { findFreeRangesWithE2fsprogs } = await import('../../wasm/e2fsprogs.ts');
  const { startByte, endByte } = claimBounds(claim);
  const answer = await findFreeRangesWithE2fsprogs({
    path: reader.reopenPath,
    startByte,
    lengthBytes: endByte - startByte,
  });
  if (answer.kind === 'refused') return answer;
  return { kind: 'used', used: answer.free.shift(startByte).complementWithin(startByte, endByte) };
}

async function askFatfs(reader: FileReader, { claim }: ClaimResult): Promise<Opinion> {
  const { findUsedRangesWithFatfs } = await import('../../wasm/fatfs.ts');
  const { startByte, endByte } = claimBounds(claim);
  const answer = await findUsedRangesWithFatfs({
    path: reader.reopenPath,
    startByte,
    lengthBytes: endByte - startByte,
  });
  return answer.kind === 'refused' ? answer : { kind: 'used', used: answer.used.shift(startByte) };
}
