/** Everything a copy can be told, and what is wrong to tell together. */
import type { Readable } from 'node:stream';

import type { Bmap } from '../bmap/bmap.ts';
import { UsageError } from '../errors/errors.ts';
import type { HostRoots } from '../host/host-files.ts';
import type { OnEvent } from './copy-events.ts';
import type { ImageSource } from './source/image-source.ts';
import type { UnmappedPolicy } from './target/copy-target.ts';
import type { TargetFacts } from './target/target-guard.ts';
import type { TargetIo } from './target/target-io.ts';

/** An image with the map that a scan of it has made. */
export interface ScannedSource {
  readonly source: ImageSource;
  readonly bmap: Bmap;
}

/** What to copy and how; the options of `bmap copy` under the same names. */
export interface CopyOptions {
  /** A path, an address, or `-` for standard input. */
  readonly image: string;
  /** One or more; with several, all must be block devices. */
  readonly targets: readonly string[];
  /** The path or address of the map; left out, it is looked for beside the image. */
  readonly bmap?: string | undefined;
  /** Copy all of the image. */
  readonly nobmap?: boolean | undefined;
  /** @internal Opens the image and maps what is used in it, in place of a map that was made before. */
  readonly scan?: ((signal: AbortSignal) => Promise<ScannedSource>) | undefined;
  /** The path or address of the map's signature; left out, it is looked for beside the map. */
  readonly bmapSig?: string | undefined;
  /** Check the signature of the map, if there is one. Default true. */
  readonly sigVerify?: boolean | undefined;
  /** A file with the only keys to believe. */
  readonly keyring?: string | undefined;
  /** The hex digits of the key that must have signed the map. */
  readonly fingerprint?: string | undefined;
  /** Compare the checksums of ranges. Default true. */
  readonly verify?: boolean | undefined;
  /** Only write to devices that say they are removable. */
  readonly removableDevice?: boolean | undefined;
  /** The name of the image in an archive that holds several. */
  readonly member?: string | undefined;
  /** What becomes of the blocks that are not mapped. Default `skip`. */
  readonly unmapped?: UnmappedPolicy | undefined;
  /** Have the device make blocks of zeros itself, where it can. Default false. */
  readonly zeroOffload?: boolean | undefined;
  /** Allow a device that is smaller than the image, if everything mapped fits. */
  readonly allowSmaller?: boolean | undefined;
  /** Move the backup GPT to the end of the device. */
  readonly fixGpt?: boolean | undefined;
  /** Read everything back from the medium and compare. */
  readonly verifyTarget?: boolean | undefined;
  /** How often to write again what was read back wrong. Default 0. */
  readonly retries?: number | undefined;
  /** Make all checks, and write nothing. */
  readonly dryRun?: boolean | undefined;

  /** Asked for each target that is a block device; false refuses it. Default: yes. */
  readonly confirm?: ((target: TargetFacts) => Promise<boolean>) | undefined;
  /** Told what goes on. */
  readonly onEvent?: OnEvent | undefined;
  /** Aborting stops the copy and rejects with an `InterruptedError`. */
  readonly signal?: AbortSignal | undefined;
  /** For proxies, gpg's keys and where programs are found. Default: none of them. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /**
   * Given a function that puts the settings of the system back, to be called if the process ends
   * before the copy does. Returns how to forget it.
   */
  readonly onCleanup?: ((cleanup: () => void) => () => void) | undefined;
  /** What `-` stands for. */
  readonly stdin?: Readable | undefined;
  /** @internal Where the kernel's text files lie; for tests. */
  readonly host?: HostRoots | undefined;
  /** @internal For tests. */
  readonly io?: TargetIo | undefined;
}

const EXCLUSIONS: readonly (readonly [
  keyof CopyOptions,
  keyof CopyOptions,
  first: string,
  second: string,
])[] = [
  ['nobmap', 'bmap', '--nobmap', '--bmap'],
  ['scan', 'bmap', '--scan', '--bmap'],
  ['scan', 'nobmap', '--scan', '--nobmap'],
  // What is mapped here has been signed by nobody.
  ['scan', 'bmapSig', '--scan', '--bmap-sig'],
  ['scan', 'keyring', '--scan', '--keyring'],
  ['scan', 'fingerprint', '--scan', '--fingerprint'],
  ['bmapSig', 'sigVerify', '--bmap-sig', '--no-sig-verify'],
  ['sigVerify', 'keyring', '--no-sig-verify', '--keyring'],
  ['sigVerify', 'fingerprint', '--no-sig-verify', '--fingerprint'],
];

/** @throws {UsageError} for what cannot be meant. */
export function assertConsistent(options: CopyOptions): void {
  const isGiven = (name: keyof CopyOptions): boolean =>
    name === 'sigVerify' ? options.sigVerify === false : Boolean(options[name]);
  for (const [one, other, first, second] of EXCLUSIONS) {
    if (isGiven(one) && isGiven(other)) {
      throw new UsageError('exclusive', `${first} and ${second} cannot be used together`);
    }
  }
  if (options.nobmap === true && options.bmapSig !== undefined) {
    const problem = 'the bmap signature file was specified, but bmap file was not found';
    throw new UsageError('no-map', problem);
  }
  if (options.targets.length === 0)
    throw new UsageError('no-target', 'no target to write to; name one');
  if ((options.retries ?? 0) > 0 && options.verifyTarget !== true) {
    const problem = '--retries needs --verify-target: only what is read back is found to be wrong';
    throw new UsageError('retries', problem);
  }
  if (!Number.isSafeInteger(options.retries ?? 0) || (options.retries ?? 0) < 0) {
    throw new UsageError('retries', `--retries wants a count, not ${options.retries}`);
  }
}
