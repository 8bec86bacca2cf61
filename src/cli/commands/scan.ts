import { Option } from 'commander';

import type { ByteRange } from '../../ranges/byte-range.ts';
import { collectNumber, collectRange } from '../parse-options.ts';
import type { AddCommand } from '../program.ts';

export interface ScanCliOptions {
  readonly bmap?: boolean;
  readonly output?: string;
  readonly json?: boolean;
  readonly checksum: boolean;
  readonly strict?: boolean;
  readonly keep: readonly ByteRange[];
  readonly keepPartition: readonly number[];
  readonly lean?: boolean;
  readonly gaps: 'keep' | 'data';
  readonly live?: boolean;
  readonly member?: string;
  readonly crossCheck?: boolean;
}

const EXAMPLES = `
Examples:
  bmap scan distro.img                        show what is in the image, and what could be left out
  bmap scan --bmap distro.img > distro.bmap   write a block map
  bmap scan --bmap -o distro.bmap distro.img  the same, written whole or not at all
  bmap scan --json distro.img                 the report for programs
  bmap scan --bmap distro.img.xz > distro.bmap
  bmap scan --bmap --keep 1M-2M distro.img    keep a range, whatever is found there

Everything is mapped unless a filesystem proves that it is free. Exit code 3 or 4 with --strict tells
that something had to be mapped whole.`;

export const addScanCommand: AddCommand = (program, bind) => {
  const command = program
    .command('scan')
    .summary('find out which blocks of an image are used')
    .description(
      'Read the partition tables and filesystems of a disk image or block device, and report which blocks are used. Needs no root rights and mounts nothing. The image may be compressed, in an archive, at an address (http, https, ftp, ssh, file) or on standard input; then it is unpacked into a temporary file first, in the folder that TMPDIR names.',
    )
    .argument(
      '<image>',
      'disk image or block device, compressed or not; an address; - for standard input',
    )
    .option('-b, --bmap', 'write a block map (bmap 2.0) instead of the report')
    .option('-o, --output <file>', 'write the block map to this file (implies --bmap)')
    .option('--json', 'print the report as JSON')
    .option('--no-checksum', 'write a block map without checksums of its ranges')
    .option('--strict', 'fail, and write no map, if something had to be mapped whole')
    .option(
      '--keep <start-end>',
      'map this range (bytes, K/M/G/T; end exclusive; repeatable)',
      collectRange,
      [],
    )
    .option('--keep-partition <number>', 'map this partition whole (repeatable)', collectNumber, [])
    .option('--lean', 'leave out the unused ends of ext4 inode tables')
    .addOption(
      new Option(
        '--gaps <policy>',
        'space outside of partitions above 64 MiB: keep all, or data only',
      )
        .choices(['keep', 'data'])
        .default('keep'),
    )
    .option('--live', 'scan although the image is in use; what is in use is mapped whole')
    .option('--member <name>', 'the image in an archive of several')
    .option('--cross-check', 'compare with e2fsprogs and fatfs, and map what either calls used')
    .addHelpText('after', EXAMPLES);
  bind<ScanCliOptions>(command, async () => (await import('../actions/scan.ts')).runScan);
};
