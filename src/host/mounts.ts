/** Source: Linux `Documentation/filesystems/proc.rst`, mountinfo and swaps. */
import type { Stats } from 'node:fs';
import path from 'node:path';

import { findStats, formatDeviceNumber, readHostFile, type HostRoots } from './host-files.ts';

export interface Mount {
  readonly folder: string;
  /** Device numbers that the mount is known to use, `major:minor`. */
  readonly devices: readonly string[];
  /** The image that is mounted without a loop device in between: by EROFS, or by a program (FUSE). */
  readonly imageFile: Stats | undefined;
}

/** Everything mounted in this process's view. */
export function readMounts(roots: HostRoots): readonly Mount[] {
  const lines = readHostFile(path.join(roots.proc, 'self/mountinfo'))?.split('\n') ?? [];
  return lines.map((line) => {
    const [before = '', after = ''] = line.split(' - ');
    const fields = before.split(' ');
    const devices = [fields[2] ?? ''];
    // btrfs and others mount under a made-up number; their source still names a device.
    const sourcePath = unescape(after.split(' ')[1] ?? '');
    const source = findStats(sourcePath);
    if (source?.isBlockDevice() === true) devices.push(formatDeviceNumber(source.rdev));
    const isImage = path.isAbsolute(sourcePath) && source?.isFile() === true;
    return {
      folder: unescape(fields[4] ?? ''),
      devices,
      imageFile: isImage ? source : undefined,
    };
  });
}

/** Device numbers of the swap areas in use. Swap files are not among them. */
export function readSwapDevices(roots: HostRoots): ReadonlySet<string> {
  const devices = readSwaps(roots)
    .filter((stats) => stats.isBlockDevice())
    .map(({ rdev }) => formatDeviceNumber(rdev));
  return new Set(devices);
}

/** True if the regular file with these facts is swapped to. */
export function isSwapFile(file: Stats, roots: HostRoots): boolean {
  return readSwaps(roots).some(
    (swap) => swap.isFile() && swap.dev === file.dev && swap.ino === file.ino,
  );
}

function readSwaps(roots: HostRoots): readonly Stats[] {
  const lines = readHostFile(path.join(roots.proc, 'swaps'))?.split('\n').slice(1) ?? [];
  return lines
    .map((line) => findStats(unescape(line.split(/\s/)[0] ?? '')))
    .filter((stats) => stats !== undefined);
}

/** Blanks and backslashes are written as octal numbers. */
function unescape(field: string): string {
  return field.replaceAll(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
