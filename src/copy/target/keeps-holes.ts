import { statfsSync } from 'node:fs';

/** `f_type` of statfs for ext, XFS, btrfs, F2FS and tmpfs. Source: Linux, `include/uapi/linux/magic.h`. */
const KEEPERS: readonly number[] = [0xef53, 0x58465342, 0x9123683e, 0xf2f52010, 0x01021994];

/**
 * Whether the filesystem of a folder keeps holes. Others, such as FAT, fill with zeros what lies before
 * the place that is written, so that a file written out of order is written twice.
 */
export function keepsHoles(folder: string): boolean {
  try {
    return KEEPERS.includes(statfsSync(folder).type);
  } catch {
    // What is wrong with the folder is told when the target is claimed.
    return false;
  }
}
