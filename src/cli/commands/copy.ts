import { Option } from 'commander';

import type { UnmappedPolicy } from '../../copy/target/copy-target.ts';
import { addNotes } from '../command-notes.ts';
import { collectText, parseCount } from '../parse-options.ts';
import type { AddCommand } from '../program.ts';
import { memberOption } from './shared-options.ts';

export interface CopyCliOptions {
  readonly bmap?: string;
  readonly nobmap?: boolean;
  readonly scan?: boolean;
  readonly bmapSig?: string;
  readonly sigVerify: boolean;
  readonly keyring?: string;
  readonly fingerprint?: string;
  readonly verify: boolean;
  readonly psplashPipe?: string;
  readonly removableDevice?: boolean;
  readonly member?: string;
  readonly also: readonly string[];
  readonly unmapped: UnmappedPolicy;
  readonly zeroOffload?: boolean;
  readonly allowSmaller?: boolean;
  readonly fixGpt?: boolean;
  readonly verifyTarget?: boolean;
  readonly retries: number;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

export const addCopyCommand: AddCommand = (program, bind) => {
  const command = program
    .command('copy')
    .summary('write an image to a device or file')
    .description(
      'Write an image to a block device or file: only the mapped blocks, each checked against its checksum before it is written.',
    )
    .argument('<image>', 'disk image: a path, an address, or - for standard input; packed or not')
    .argument('<target>', 'block device or file to write to')
    .option(
      '--bmap <bmap>',
      'the block map: a path, an address, or - for standard input; else it is looked for beside the image',
    )
    .option('--nobmap', 'write all of the image, without a block map')
    .option('--scan', 'find out first what is used in the image, and write that')
    .option(
      '--bmap-sig <file>',
      'the detached signature of the block map; else it is looked for beside the map',
    )
    .option('--no-sig-verify', 'do not check the signature of the block map')
    .option('--keyring <file>', 'believe only the keys in this file, not those of gpg')
    .option(
      '--fingerprint <digits>',
      'the key that must have signed the block map, as 40 or 64 hex digits',
    )
    .option('--no-verify', 'do not compare the checksums of the image')
    .option('--psplash-pipe <file>', 'tell a boot splash the progress, through this named pipe')
    .option('--removable-device', 'refuse a target that is not a removable device')
    .addOption(memberOption())
    .addOption(
      new Option('--also <target>', 'write to this block device as well')
        .argParser(collectText)
        .default([]),
    )
    .addOption(
      new Option(
        '--unmapped <policy>',
        'what to do with the blocks of the image that are not mapped',
      )
        .choices(['skip', 'discard', 'zero'])
        .default('skip'),
    )
    .option('--zero-offload', 'have the device make blocks of zeros itself, where it can')
    .option('--allow-smaller', 'allow a device smaller than the image if all mapped blocks fit')
    .option('--fix-gpt', 'move the backup GPT to the end of the device')
    .option('--verify-target', 'read everything back from the medium and compare')
    .option(
      '--retries <count>',
      'write what was read back wrong again, up to so many times; needs --verify-target',
      parseCount,
      0,
    )
    .option('-n, --dry-run', 'make all checks, write nothing')
    .option('-y, --yes', 'do not ask before overwriting a disk that holds something');
  addNotes(command, {
    examples: [
      {
        line: 'bmap copy distro.img.xz /dev/sdX',
        text: 'write what distro.img.bmap maps to a card',
      },
      {
        line: 'bmap copy --scan distro.img.xz /dev/sdX',
        text: 'without a map: write what is used in the image',
      },
      { line: 'bmap copy --nobmap distro.img /dev/sdX', text: 'write all of the image' },
      {
        line: 'bmap copy --dry-run distro.img.xz /dev/sdX',
        text: 'make all checks, write nothing',
      },
      {
        line: 'bmap copy --verify-target --also /dev/sdY distro.img /dev/sdX',
        text: 'write two cards, and read both back',
      },
      {
        line: 'ssh build cat distro.img.xz | bmap copy --bmap distro.bmap - /dev/sdX',
        text: 'write what another program hands over',
      },
    ],
    paragraphs: [
      'Nothing is opened for writing before map, signature and target have been checked. Devices that are mounted, swapped to or held by others are refused. "bmap help maps" says where the map and its signature are looked for.',
    ],
  });
  bind<CopyCliOptions>(command, async () => (await import('../actions/copy.ts')).runCopyCommand);
};
