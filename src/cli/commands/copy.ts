import { InvalidArgumentError, Option } from 'commander';

import type { UnmappedPolicy } from '../../copy/target/copy-target.ts';
import type { AddCommand } from '../program.ts';

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

const EXAMPLES = `
Examples:
  bmap copy distro.img.xz /dev/sdX                 write what distro.img.bmap maps to a card
  bmap copy --scan distro.img.xz /dev/sdX          without a map: write what is used in the image
  bmap copy --nobmap distro.img /dev/sdX           write all of the image
  bmap copy --dry-run distro.img.xz /dev/sdX       make all checks, write nothing
  bmap copy --verify-target --retries 2 a.img /dev/sdX
  curl -L https://host/a.img.xz | bmap copy --bmap a.bmap - /dev/sdX

The map is looked for beside the image: a.img.gz.bmap, a.img.bmap, a.bmap; its signature as MAP.asc and
MAP.sig. Nothing is opened for writing before map, signature and target have been checked. Devices that are
mounted, swapped to or held by others are refused.`;

export const addCopyCommand: AddCommand = (program, bind) => {
  const command = program
    .command('copy')
    .summary('write an image to a device or file')
    .description(
      'Write an image to a block device or file: only the mapped blocks, each checked against its checksum before it is written. The image may be compressed, in an archive, at an address (http, https, ftp, ssh, file) or on standard input (-).',
    )
    .argument('<image>', 'image file, address, or - for standard input')
    .argument('<target>', 'device or file to write to')
    .option('--bmap <file>', 'the block map, a path or address')
    .option('--nobmap', 'write all of the image, without a block map')
    .option('--scan', 'find out first what is used in the image, and write that')
    .option('--bmap-sig <file>', 'the detached signature of the block map')
    .option('--no-sig-verify', 'do not check the signature of the block map')
    .option('--keyring <file>', 'believe only the keys in this file')
    .option('--fingerprint <digits>', 'the key that must have signed the block map')
    .option('--no-verify', 'do not compare the checksums of the image')
    .option('--psplash-pipe <pipe>', 'tell a boot splash the progress')
    .option('--removable-device', 'refuse a target that is not a removable device')
    .option('--member <name>', 'the image in an archive of several')
    .option('--also <target>', 'write to this device as well (repeatable)', collect, [])
    .addOption(
      new Option('--unmapped <policy>', 'the blocks of the image that are not mapped')
        .choices(['skip', 'discard', 'zero'])
        .default('skip'),
    )
    .option('--zero-offload', 'have the device make blocks of zeros itself, where it can')
    .option('--allow-smaller', 'allow a device smaller than the image if all mapped blocks fit')
    .option('--fix-gpt', 'move the backup GPT to the end of the device')
    .option('--verify-target', 'read everything back from the medium and compare')
    .option('--retries <count>', 'write again what was read back wrong', parseCount, 0)
    .option('--dry-run', 'make all checks, write nothing')
    .option('-y, --yes', 'do not ask before overwriting a disk that holds something')
    .addHelpText('after', EXAMPLES);
  bind<CopyCliOptions>(command, async () => (await import('../actions/copy.ts')).runCopyCommand);
};

function collect(text: string, before: readonly string[]): readonly string[] {
  return [...before, text];
}

function parseCount(text: string): number {
  if (!/^\d{1,4}$/.test(text)) throw new InvalidArgumentError('Give a count.');
  return Number(text);
}
