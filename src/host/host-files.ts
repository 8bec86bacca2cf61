/** Reading the text files under /proc and /sys. What is not there is an answer, not an error. */
import { readdirSync, readFileSync, statSync, type Stats } from 'node:fs';

/** Where the kernel's text files lie; tests bring their own. */
export interface HostRoots {
  readonly proc: string;
  readonly sys: string;
}

export const LINUX_ROOTS: HostRoots = { proc: '/proc', sys: '/sys' };

/** The trimmed content of a file, or undefined if it cannot be read. */
export function readHostFile(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
}

/** The names in a folder; none if there is no such folder. */
export function listHostFolder(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/**
 * The facts of what a path leads to, or undefined if it leads nowhere, or through a folder that this
 * user may not enter: what others keep there is not the file that was asked about.
 */
export function findStats(target: string): Stats | undefined {
  try {
    return statSync(target, { throwIfNoEntry: false });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EACCES') return undefined;
    throw error;
  }
}

/** `major:minor`, as the kernel's text files write it. Source: Linux `include/linux/kdev_t.h`. */
export function formatDeviceNumber(rdev: number): string {
  const low = rdev % 2 ** 32;
  const high = Math.floor(rdev / 2 ** 32);
  const major = ((low >>> 8) & 0xfff) | (high & ~0xfff);
  const minor = (low & 0xff) | ((low >>> 12) & 0xfff00);
  return `${major}:${minor}`;
}
