import type { ByteRange } from '../../ranges/byte-range.ts';
import { addNotes } from '../command-notes.ts';
import type { AddCommand } from '../program.ts';
import {
  crossCheckOption,
  gapsOption,
  imageArgument,
  keepOption,
  keepPartitionOption,
  memberOption,
} from './shared-options.ts';

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

export const addScanCommand: AddCommand = (program, bind) => {
  const command = program
    .command('scan')
    .summary('find out which blocks of an image are used')
    .description(
      'Read the partition tables and filesystems of a disk image or block device, and report which blocks are used. Needs no root rights and mounts nothing.',
    )
    .addArgument(imageArgument())
    .option('-b, --bmap', 'write a block map (bmap 2.0) instead of the report')
    .option(
      '-o, --output <file>',
      'write the block map to this file, not to standard output; implies --bmap',
    )
    .option('--json', 'print the report as JSON')
    .option('--no-checksum', 'write a block map without checksums of its ranges')
    .option('--strict', 'fail, and write no map, if something had to be mapped whole')
    .addOption(keepOption('map'))
    .addOption(keepPartitionOption('map all of'))
    .option('--lean', 'leave out the unused ends of ext4 inode tables')
    .addOption(gapsOption())
    .option('--live', 'scan although the image is in use; what is in use is mapped whole')
    .addOption(memberOption())
    .addOption(crossCheckOption());
  addNotes(command, {
    examples: [
      {
        line: 'bmap scan distro.img',
        text: 'show what is in the image, and what could be left out',
      },
      { line: 'bmap scan --bmap distro.img > distro.bmap', text: 'write a block map' },
      {
        line: 'bmap scan --bmap -o distro.bmap distro.img.xz',
        text: 'the same, of a packed image; the file is written whole or not at all',
      },
      { line: 'bmap scan --json distro.img', text: 'the report for programs' },
      {
        line: 'bmap scan --bmap --keep 1M-2M distro.img > distro.bmap',
        text: 'map the second mebibyte, whatever is found there',
      },
    ],
    paragraphs: [
      'Everything is mapped unless a filesystem proves that it is free. Exit code 3 or 4 with --strict tells that something had to be mapped whole.',
      'What is packed or comes from elsewhere is unpacked into a temporary file first, in the folder that TMPDIR names.',
    ],
  });
  bind<ScanCliOptions>(command, async () => (await import('../actions/scan.ts')).runScan);
};
