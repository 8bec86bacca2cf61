/**
 * What a test needs from the machine. Where it is missing the test is skipped under a title that says
 * what to install; with `BMAP_TEST_REQUIRE_ALL=1`, as continuous integration sets it, it fails instead.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'vitest';

/** The Debian package of every outside program the tests use. */
export const PACKAGES: Readonly<Record<string, string>> = {
  addpart: 'util-linux',
  bash: 'bash',
  blkid: 'util-linux',
  bmaptool: 'bmap-tools',
  btrfs: 'btrfs-progs',
  'btrfs-convert': 'btrfs-progs',
  btrfstune: 'btrfs-progs',
  bzip2: 'bzip2',
  chroot: 'coreutils',
  dd: 'coreutils',
  debugfs: 'e2fsprogs',
  delpart: 'util-linux',
  dumpe2fs: 'e2fsprogs',
  e2fsck: 'e2fsprogs',
  fish: 'fish',
  'fsck.fat': 'dosfstools',
  gpg: 'gpg',
  'gpg-agent': 'gpg-agent',
  gpgv: 'gpgv',
  groff: 'groff-base',
  gzip: 'gzip',
  ldd: 'libc-bin',
  losetup: 'mount',
  lz4: 'lz4',
  lzop: 'lzop',
  mandoc: 'mandoc',
  mattrib: 'mtools',
  mcopy: 'mtools',
  mdel: 'mtools',
  mdir: 'mtools',
  mke2fs: 'e2fsprogs',
  'mkfs.btrfs': 'btrfs-progs',
  'mkfs.exfat': 'exfatprogs',
  'mkfs.fat': 'dosfstools',
  'mkfs.ntfs': 'ntfs-3g',
  'mkfs.xfs': 'xfsprogs',
  mkswap: 'util-linux',
  mmd: 'mtools',
  mount: 'mount',
  openssl: 'openssl',
  parted: 'parted',
  python3: 'python3',
  'qemu-img': 'qemu-utils',
  readlink: 'coreutils',
  resize2fs: 'e2fsprogs',
  script: 'bsdutils',
  setpriv: 'util-linux',
  sfdisk: 'fdisk',
  sgdisk: 'gdisk',
  ssh: 'openssh-client',
  'ssh-keygen': 'openssh-client',
  sshd: 'openssh-server',
  sshpass: 'sshpass',
  swapon: 'mount',
  tar: 'tar',
  time: 'time',
  truncate: 'coreutils',
  tune2fs: 'e2fsprogs',
  veritysetup: 'cryptsetup-bin',
  xorriso: 'xorriso',
  xz: 'xz-utils',
  zip: 'zip',
  zsh: 'zsh',
  zstd: 'zstd',
};

/** Why something cannot run here; empty if it can. */
export type Requirement = readonly string[];

/** @throws {Error} for a program that is not in the table of packages above, installed or not. */
export function requireTools(...tools: readonly string[]): Requirement {
  const nameless = tools.filter((tool) => PACKAGES[tool] === undefined);
  if (nameless.length > 0) {
    throw new Error(
      `name the Debian package of ${nameless.join(', ')} in PACKAGES of test/support/requirements.ts`,
    );
  }
  return tools
    .filter((tool) => !isInstalled(tool))
    .map((tool) => `${tool}: apt-get install ${PACKAGES[tool]}`);
}

/** The one that Debian's packages are for, whichever comes first in the PATH. */
export const SYSTEM_PYTHON = '/usr/bin/python3';

/** For servers that are a library of Python. The keys are modules. */
const PYTHON_PACKAGES: Readonly<Record<string, string>> = {
  gpg: 'python3-gpg',
  pyftpdlib: 'python3-pyftpdlib',
};

/** @throws {Error} for a module that is not in the table above. */
export function requirePythonModule(module: string): Requirement {
  const name = PYTHON_PACKAGES[module];
  if (name === undefined) throw new Error(`name the Debian package of ${module}`);
  const { status } = spawnSync(SYSTEM_PYTHON, ['-c', `import ${module}`]);
  return status === 0 ? [] : [`the Python module ${module}: apt-get install ${name}`];
}

/** For installing packages: the registry that npm is set up for. */
export function requireRegistry(): Requirement {
  const { status } = spawnSync('npm', ['view', 'commander', 'version'], { timeout: 20_000 });
  return status === 0 ? [] : ['the npm registry'];
}

/** For loop devices, mounts and chroot. */
export function requireRoot(): Requirement {
  return process.getuid?.() === 0 ? [] : ['root rights'];
}

export function describeWith(requirement: Requirement, title: string, body: () => void): void {
  if (requirement.length === 0) describe(title, body);
  else passOver(requirement, title);
}

export function itWith(
  requirement: Requirement,
  title: string,
  body: () => void | Promise<void>,
): void {
  if (requirement.length === 0) it(title, body);
  else passOver(requirement, title);
}

function passOver(requirement: Requirement, title: string): void {
  const needs = [...new Set(requirement)].join(', ');
  if (process.env['BMAP_TEST_REQUIRE_ALL'] === '1') {
    it(title, () => {
      throw new Error(`cannot run here, needs ${needs}`);
    });
    return;
  }
  it.skipIf(true)(`${title} [needs ${needs}]`, () => {});
}

function isInstalled(tool: string): boolean {
  const folders = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/sbin'];
  return folders.some((folder) => {
    try {
      accessSync(path.join(folder, tool), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
