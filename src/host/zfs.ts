import path from 'node:path';

import { LINUX_ROOTS, readHostFile, type HostRoots } from './host-files.ts';

/**
 * The parameter of OpenZFS that makes it write a file's data before it tells where the file has holes.
 * Source: OpenZFS, man/man4/zfs.4, `zfs_dmu_offset_next_sync`; 1 turns it on.
 */
export function readZfsParameter(roots: HostRoots = LINUX_ROOTS): {
  readonly path: string;
  readonly value: string | undefined;
} {
  const file = path.join(roots.sys, 'module/zfs/parameters/zfs_dmu_offset_next_sync');
  return { path: file, value: readHostFile(file) };
}
