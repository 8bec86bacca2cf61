/**
 * Makes bmap-VERSION-PLATFORM.tar.gz: bmap, its dependencies and the Node that runs this script, for
 * machines that have neither Node nor npm. The same sources, lockfile and Node give the same bytes.
 * Needs a finished build, npm, GNU tar, gzip, and the registry or npm's cache.
 *
 * usage: node packaging/build-standalone.mjs [FOLDER]     FOLDER is `release` unless given
 */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { findNodeLicense, requirePortableNode } from './node-runtime.mjs';
import { addMissingLicenses, formatNotices, listPackages } from './third-party.mjs';

/** 1985-10-26T08:15:00Z, which npm gives every file of its packages too. */
const EVERY_MTIME = '@499162500';

const project = fileURLToPath(new URL('..', import.meta.url));
const { name, version, bin, man = [] } = readJson(path.join(project, 'package.json'));
const outputFolder = path.resolve(process.argv[2] ?? path.join(project, 'release'));
const release = `bmap-${version}-${process.platform}-${process.arch}`;

requirePortableNode();
const nodeLicense = findNodeLicense();
const work = mkdtempSync(path.join(tmpdir(), 'bmap-standalone-'));
try {
  const root = path.join(work, release);
  const program = path.join(root, 'lib', name);
  installProgram(program);
  copyInto(path.join(root, 'lib', 'node'), process.execPath);
  chmodSync(path.join(root, 'lib', 'node'), 0o755);
  for (const [command, script] of Object.entries(bin)) addLauncher(root, command, script);
  for (const page of [man].flat()) {
    copyInto(path.join(root, 'share/man/man1', path.basename(page)), path.join(program, page));
  }
  for (const text of ['LICENSE', 'README.md', 'CHANGELOG.md']) {
    copyInto(path.join(root, text), path.join(program, text));
  }
  copyInto(path.join(root, 'lib', 'node.LICENSE'), nodeLicense);
  const packages = listPackages(path.join(program, 'node_modules'));
  addMissingLicenses(packages, path.join(program, 'LICENSE'));
  writeFileSync(path.join(root, 'THIRD-PARTY.md'), formatNotices(packages, root));
  process.stdout.write(`${archive(work, release)}\n`);
} finally {
  rmSync(work, { recursive: true, force: true });
}

/** Exactly what `npm install` of the package gives, in the versions of the lockfile. */
function installProgram(folder) {
  const packed = run('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', work], {
    cwd: project,
  }).trim();
  mkdirSync(folder, { recursive: true });
  run('tar', ['-xzf', path.join(work, packed), '--strip-components=1', '-C', folder]);
  copyInto(path.join(folder, 'package-lock.json'), path.join(project, 'package-lock.json'));
  run('npm', ['ci', '--omit=dev', '--ignore-scripts', '--prefer-offline', '--no-audit'], {
    cwd: folder,
  });
  // npm's own notes, and koffi's library for the C library that this Node does not use.
  for (const rest of [
    'package-lock.json',
    'node_modules/.package-lock.json',
    'node_modules/.bin',
    `node_modules/@koromix/koffi-linux-${process.arch}/musl_${process.arch}`,
  ]) {
    rmSync(path.join(folder, rest), { recursive: true });
  }
}

/** `command -p` finds readlink in the system's own folders, whatever the PATH. */
function addLauncher(root, command, script) {
  const launcher = path.join(root, 'bin', command);
  mkdirSync(path.dirname(launcher), { recursive: true });
  writeFileSync(
    launcher,
    `#!/bin/sh
# Starts ${command} with the Node beside it, through whatever links it was called.
self=$(command -p readlink -f -- "$0") || exit
lib=\${self%/bin/*}/lib
exec "$lib/node" "$lib/${name}/${script}" "$@"
`,
  );
  chmodSync(launcher, 0o755);
}

/** Sorted, without owners and times of this machine. Returns the archive's path. */
function archive(folder, entry) {
  mkdirSync(outputFolder, { recursive: true });
  const file = path.join(outputFolder, `${entry}.tar.gz`);
  const unfinished = `${file}.unfinished`;
  const sameEverywhere = ['--sort=name', `--mtime=${EVERY_MTIME}`, '--mode=u=rwX,go=rX'];
  const ownerless = ['--owner=0', '--group=0', '--numeric-owner'];
  const format = ['--format=ustar', '--use-compress-program=gzip --no-name'];
  const contents = ['-C', folder, entry];
  run('tar', ['-cf', unfinished, ...format, ...sameEverywhere, ...ownerless, ...contents]);
  renameSync(unfinished, file);
  return file;
}

function copyInto(target, source) {
  mkdirSync(path.dirname(target), { recursive: true });
  copyFileSync(source, target);
}

function readJson(file) {
  return JSON.parse(readFileSync(file, 'utf8'));
}

function run(command, args, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: 'utf8',
    ...options,
  });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: exit ${status}\n${stderr}`);
  return stdout;
}
