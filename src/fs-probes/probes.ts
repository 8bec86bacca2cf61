import { btrfsProbe } from './btrfs/btrfs-probe.ts';
import { extProbe } from './ext/ext-probe.ts';
import { fatProbe } from './fat/fat-probe.ts';
import type { FsProbe } from './fs-probe.ts';

/** Every filesystem that is read. Adding one is a folder beside this file and a line here. */
export const probes: readonly FsProbe[] = [extProbe, fatProbe, btrfsProbe];
