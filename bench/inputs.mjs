/**
 * The images and packed files that the benchmark runs on. They are made once and kept; the files in the
 * filesystems are this machine's own (/usr), so figures of two machines cannot be compared but by their
 * ratios.
 */
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';

import { run } from './run.mjs';

const KIB = 1024;
const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

const ESP_START = MIB;
const ESP_BYTES = 256 * MIB;
export const ROOT_START = ESP_START + ESP_BYTES;
const DISK_BYTES = 6 * GIB;
export const ROOT_BYTES = DISK_BYTES - ROOT_START - MIB;
const FILES_BYTES = 1200 * MIB;

/** How the disk is packed: name of the file, and the command that packs standard input. */
export const PACKED = {
  gz: ['disk.img.gz', 'gzip -c'],
  'xz-one-block': ['disk-one-block.img.xz', 'xz -T1 -c'],
  'xz-many-blocks': ['disk.img.xz', 'xz -T2 -c'],
  bz2: ['disk.img.bz2', 'bzip2 -c'],
  pbzip2: ['disk-pbzip2.img.bz2', 'pbzip2 -c'],
  zst: ['disk.img.zst', 'zstd -q -c'],
  'zst-frames': ['disk-frames.img.zst', 'pzstd -q -c'],
  lz4: ['disk.img.lz4', 'lz4 -q -c'],
  lzo: ['disk.img.lzo', 'lzop -c'],
};

/** Runs `make(name)` if `file` is not there; a file that is half made never gets the name. */
function once(file, make) {
  if (existsSync(file)) return file;
  process.stderr.write(`making ${path.basename(file)}\n`);
  const partial = `${file}.partial`;
  rmSync(partial, { force: true });
  make(partial);
  renameSync(partial, file);
  return file;
}

function makeSparse(file, sizeBytes) {
  writeFileSync(file, '');
  truncateSync(file, sizeBytes);
}

/** Copies files below /usr, in order of their names, until there are enough of them. */
function copySystemFiles(folder, wantedBytes) {
  let left = wantedBytes;
  const walk = (from, to) => {
    mkdirSync(to, { recursive: true });
    const entries = readdirSync(from, { withFileTypes: true });
    for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      if (left <= 0) return;
      const source = path.join(from, entry.name);
      if (entry.isDirectory()) walk(source, path.join(to, entry.name));
      if (!entry.isFile()) continue;
      run('cp', ['-p', source, path.join(to, entry.name)]);
      left -= statSync(source).size;
    }
  };
  for (const part of ['lib', 'bin', 'share'])
    walk(path.join('/usr', part), path.join(folder, part));
  if (left > 0) throw new Error(`/usr has ${left} bytes too few`);
}

/** 6 GiB: GPT, an ESP, and a root filesystem with some 1.2 GiB of files. */
function makeDisk(file, folder) {
  const tree = path.join(folder, 'tree');
  rmSync(tree, { recursive: true, force: true });
  copySystemFiles(tree, FILES_BYTES);
  makeSparse(file, DISK_BYTES);
  const table = `label: gpt\nstart=${ESP_START / 512}, size=${ESP_BYTES / 512}, type=uefi\nstart=${ROOT_START / 512}, size=${ROOT_BYTES / 512}, type=linux\n`;
  run('sfdisk', ['-q', file], { input: table });
  const esp = ['-F', '32', '-s', '4', '--offset', String(ESP_START / 512)];
  run('mkfs.fat', [...esp, file, String(ESP_BYTES / KIB)]);
  const kernel = path.join(folder, 'kernel');
  writeFileSync(kernel, Buffer.alloc(40 * MIB, 'kernel'));
  run('mcopy', ['-i', `${file}@@${ESP_START}`, kernel, '::kernel']);
  const options = `offset=${ROOT_START},lazy_itable_init=1`;
  run('mke2fs', [
    '-q',
    '-F',
    '-t',
    'ext4',
    '-d',
    tree,
    '-E',
    options,
    file,
    `${ROOT_BYTES / KIB}k`,
  ]);
  rmSync(tree, { recursive: true });
  rmSync(kernel);
}

/** Pseudo-random bytes that are the same everywhere. */
function noise(lengthBytes, seed) {
  return createHash('shake256', { outputLength: lengthBytes }).update(String(seed)).digest();
}

/** An ext4 where every second file was removed; what is unused are holes. */
function makeFragmented(file, folder, program, sizeBytes, fileCount) {
  const tree = path.join(folder, 'fragments');
  rmSync(tree, { recursive: true, force: true });
  mkdirSync(tree, { recursive: true });
  const content = noise(256 * KIB, 'fragments');
  const removals = [];
  for (let index = 0; index < fileCount; index++) {
    const descriptor = openSync(path.join(tree, `file-${index}`), 'w');
    writeSync(descriptor, content, 0, (4 + ((index * 37) % 40) * 4) * KIB);
    closeSync(descriptor);
    if (index % 2 === 0) removals.push(`rm file-${index}`);
  }
  makeSparse(file, sizeBytes);
  run('mke2fs', ['-q', '-F', '-t', 'ext4', '-N', '65536', '-d', tree, file]);
  run('debugfs', ['-w', '-f', '-', file], { input: `${removals.join('\n')}\n` });
  rmSync(tree, { recursive: true });
  run(process.execPath, [program, 'sparsify', '-q', file]);
}

/** A smaller one, for slow targets. @returns its path. */
export function makeSlowInput(folder, program) {
  mkdirSync(folder, { recursive: true });
  return once(path.join(folder, 'slow.img'), (file) =>
    makeFragmented(file, folder, program, GIB, 5000),
  );
}

/** @returns the paths of all inputs by name. */
export function makeInputs(folder, program) {
  mkdirSync(folder, { recursive: true });
  const at = (name) => path.join(folder, name);
  const disk = once(at('disk.img'), (file) => makeDisk(file, folder));
  const inputs = { disk };
  inputs.map = once(at('disk.bmap'), (file) => run('bmaptool', ['-q', 'create', '-o', file, disk]));
  inputs.fragmented = once(at('fragmented.img'), (file) =>
    makeFragmented(file, folder, program, 4 * GIB, 34_000),
  );
  inputs.fragmentedMap = once(at('fragmented.bmap'), (file) =>
    run('bmaptool', ['-q', 'create', '-o', file, inputs.fragmented]),
  );
  inputs.small = once(at('small.img'), (file) => {
    makeSparse(file, 64 * MIB);
    run('mke2fs', ['-q', '-F', '-t', 'ext4', file]);
  });
  inputs.oneRange = once(at('one-range.img'), (file) => {
    makeSparse(file, 3 * GIB);
    const descriptor = openSync(file, 'r+');
    for (let mib = 0; mib < 2048; mib++) writeSync(descriptor, noise(MIB, mib), 0, MIB, mib * MIB);
    closeSync(descriptor);
  });
  inputs.oneRangeMap = once(at('one-range.bmap'), (file) =>
    run('bmaptool', ['-q', 'create', '-o', file, inputs.oneRange]),
  );
  for (const [name, [fileName, command]] of Object.entries(PACKED)) {
    inputs[name] = once(at(fileName), (file) =>
      run('sh', ['-c', `${command} < ${disk} > ${file}`]),
    );
  }
  return inputs;
}
