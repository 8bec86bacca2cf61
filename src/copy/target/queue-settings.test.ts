import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { expect, it } from 'vitest';

import { makeScratchFolder } from '../../../test/support/scratch.ts';
import type { Finding } from '../../errors/finding.ts';
import { QueueSettings } from './queue-settings.ts';

/** The two files of a disk; writing the scheduler replaces the list by the choice, unlike the kernel. */
function makeDisk(scheduler: string, maxRatio: string) {
  const folder = makeScratchFolder();
  const files = {
    scheduler: path.join(folder, 'queue/scheduler'),
    maxRatio: path.join(folder, 'bdi/max_ratio'),
  };
  mkdirSync(path.dirname(files.scheduler));
  mkdirSync(path.dirname(files.maxRatio));
  writeFileSync(files.scheduler, `${scheduler}\n`);
  writeFileSync(files.maxRatio, `${maxRatio}\n`);
  const read = () => [readFileSync(files.scheduler, 'utf8'), readFileSync(files.maxRatio, 'utf8')];
  return { folder, files, read };
}

function makeSettings() {
  const findings: Finding[] = [];
  return { findings, settings: new QueueSettings((finding) => void findings.push(finding)) };
}

it('changes both settings and puts them back, each disk once', () => {
  const disk = makeDisk('none [mq-deadline] kyber', '60');
  const { settings, findings } = makeSettings();
  settings.apply(disk.folder);
  settings.apply(disk.folder);
  expect(disk.read()).toEqual(['none', '1']);
  settings.restore();
  expect(disk.read()).toEqual(['mq-deadline', '60']);
  writeFileSync(disk.files.maxRatio, '7');
  settings.restore();
  expect(disk.read()).toEqual(['mq-deadline', '7']);
  expect(findings).toEqual([]);
});

it('leaves alone what is right already', () => {
  const disk = makeDisk('[none] mq-deadline', '1');
  const { settings } = makeSettings();
  settings.apply(disk.folder);
  expect(disk.read()).toEqual(['[none] mq-deadline\n', '1\n']);
});

it('goes on where a setting is missing, and says so', () => {
  const { settings, findings } = makeSettings();
  settings.apply(makeScratchFolder());
  expect(findings).toMatchObject([
    { level: 'warning', code: 'copy.max-ratio' },
    { level: 'info', code: 'copy.scheduler' },
  ]);
  settings.restore();
});

it('names the value that could not be put back', () => {
  const disk = makeDisk('none [bfq]', '60');
  const { settings, findings } = makeSettings();
  settings.apply(disk.folder);
  rmSync(disk.files.scheduler);
  mkdirSync(disk.files.scheduler);
  settings.restore();
  expect(findings).toMatchObject([{ level: 'warning', code: 'copy.settings-not-restored' }]);
  expect(findings[0]?.text).toContain(`cannot restore ${disk.files.scheduler} to 'bfq'`);
  expect(readFileSync(disk.files.maxRatio, 'utf8')).toBe('60');
});
