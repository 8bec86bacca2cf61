/**
 * bmap against the installed bmaptool on the same inputs: A B A B, caches warm, medians; the outputs of
 * both are compared. Needs root (a loop device), bmaptool, GNU time, e2fsprogs, dosfstools, mtools, sfdisk,
 * partclone, all packers, 12 GiB on a filesystem with sparse files for the inputs, and 4 GiB of tmpfs for
 * the targets.
 *
 * usage: node bench/compare.mjs [--only TEXT] [--rounds N] [--inputs FOLDER] [--targets FOLDER]
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { makeInputs, ROOT_BYTES, ROOT_START } from './inputs.mjs';
import { listJobs, Targets } from './jobs.mjs';
import { measureMapping } from './mapping.mjs';
import { measure, measureInTurn } from './measure.mjs';
import { run } from './run.mjs';

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    rounds: { type: 'string', default: '5' },
    inputs: { type: 'string', default: path.join(tmpdir(), 'bmap-bench-inputs') },
    targets: { type: 'string', default: '/dev/shm' },
  },
});
const program = fileURLToPath(new URL('../dist/bin/bmap.js', import.meta.url));

function versionOf(command, ...args) {
  const { stdout, stderr } = run(command, args);
  return `${stdout}${stderr}`.trim().split('\n')[0];
}

function printMachine() {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  const gib = Math.round(totalmem() / 1024 ** 3);
  console.log(`- ${cpus().length} cores (${cpus()[0].model}), ${gib} GiB`);
  console.log(`- ${versionOf('uname', '-sr')}, Node ${process.version}, bmap ${version}`);
  console.log(`- ${versionOf('bmaptool', '--version')}, ${versionOf('python3', '--version')}`);
  console.log(`- medians of ${options.rounds} rounds, ${new Date().toISOString().slice(0, 10)}\n`);
}

const seconds = (value) => value.toFixed(value < 1 ? 3 : 2);

function printJob(job) {
  const [theirs, ours] = measureInTurn([job.theirs, job.ours], Number(options.rounds));
  // Once, for orientation.
  const floor = job.floor === undefined ? undefined : measure(job.floor.command);
  job.compare?.();
  const ratio = (ours.wall / theirs.wall) * (job.scale?.() ?? 1);
  const cells = [
    job.name,
    seconds(theirs.wall),
    seconds(ours.wall),
    ratio.toFixed(2),
    job.target?.toFixed(2) ?? '',
    floor === undefined ? '' : seconds(floor.wall),
    `${seconds(theirs.cpu)} / ${seconds(ours.cpu)}`,
    `${theirs.peakMib.toFixed(0)} / ${ours.peakMib.toFixed(0)}`,
  ];
  console.log(`| ${cells.join(' | ')} |`);
}

function printMapping(folder) {
  const rounds = Number(options.rounds);
  console.log('\n| mapping alone | s | CPU s | peak MiB |\n| --- | --- | --- | --- |');
  const root = [inputs.disk, ROOT_START, ROOT_BYTES];
  for (const { name, wall, cpu, peakMib } of measureMapping(...root, folder, program, rounds)) {
    console.log(`| ${name} | ${seconds(wall)} | ${seconds(cpu)} | ${peakMib.toFixed(0)} |`);
  }
}

const inputs = makeInputs(options.inputs, program);
mkdirSync(options.targets, { recursive: true });
const folder = mkdtempSync(path.join(options.targets, 'bmap-bench-'));
const targets = new Targets(folder, 6 * 1024 ** 3);
try {
  printMachine();
  console.log('| job | bmaptool s | bmap s | ratio | accepted | bare s | CPU s | peak MiB |');
  console.log('| --- | --- | --- | --- | --- | --- | --- | --- |');
  for (const job of listJobs(inputs, targets, program, folder)) {
    if (job.name.includes(options.only)) printJob(job);
  }
  if ('mapping'.includes(options.only)) printMapping(folder);
} finally {
  targets.close();
  rmSync(folder, { recursive: true });
}
