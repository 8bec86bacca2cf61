/**
 * The contract between the driver in `scan/` and everything that understands a filesystem.
 *
 * A probe never says "free". It names what is used, and the driver alone turns "claim minus used"
 * into left-out ranges, after the probe has returned without doubt. A probe that is in doubt throws:
 * `CorruptError` (the bytes are wrong) and `UnsupportedError` (we lack something) make the driver map
 * the claim whole; a `SystemError` ends the run without a map; a `NotLoadedError` makes the driver load
 * something and begin again; anything else is a bug.
 */
import type { Finding } from '../errors/finding.ts';
import type { ImageReader } from '../image/image-reader.ts';

/** A place where a filesystem may lie: a partition, or the image as a whole. */
export interface Volume {
  /** The position in the list of all volumes of the image. */
  readonly index: number;
  /** For messages: `partition 2`, or `image` for the whole. */
  readonly name: string;
  /** Position of the volume's first byte in the image. */
  readonly startByte: number;
  /** @internal Positions are relative to the volume; `reader.sizeBytes` is its length. */
  readonly reader: ImageReader;
}

/** A probe's word that a filesystem of its kind starts at byte 0 of a volume. */
export interface Claim {
  /** Where it starts. */
  readonly volume: Volume;
  /** As the user knows it: `ext4`, `FAT32`, `btrfs`. */
  readonly type: string;
  /**
   * How far the filesystem reaches, relative to the volume. May be more than the volume has (a cut
   * image: the probe throws when it scans). What lies behind it in the volume is slack, and is mapped.
   */
  readonly lengthBytes: number;
  /** As the superblock says. Not escaped. */
  readonly label?: string;
  /** As the filesystem's own tools print it; for FAT the serial number. */
  readonly uuid?: string;
  /** True if what lies here calls itself a copy, so that the filesystem starts elsewhere. */
  readonly isCopy?: boolean;
  /** Claims of one probe with the same group are one filesystem on several volumes. */
  readonly group?: string;
}

/** What a used extent holds, for the picture and for `check`. */
export type ExtentKind =
  | 'boot' // boot sector, reserved sectors, boot code
  | 'superblock' // and its copies
  | 'descriptors' // group descriptors, and room kept for more of them
  | 'bitmap'
  | 'inode-table'
  | 'unused-inodes' // the tail of an inode table that no inode has used yet
  | 'journal'
  | 'fat'
  | 'directory'
  | 'chunk-tree'
  | 'metadata'
  | 'log-tree'
  | 'data'
  | 'parity'
  | 'bad' // marked bad by the filesystem
  | 'reserved';

/** How the filesystem was left: `replayed` was not clean, but its journal or log told the rest. */
export type FsState = 'clean' | 'replayed' | 'dirty';

/** What a probe hands to the driver while it scans. Positions are relative to the volume named. */
export interface ScanSink {
  /**
   * `[startByte, endByte)` of `volume` is used. Order and overlaps do not matter; the volume may be
   * another one than the claim's. The range must lie inside the volume.
   */
  use(volume: Volume, kind: ExtentKind, startByte: number, endByte: number): void;
  report(finding: Finding): void;
}

export interface ScanOptions {
  /** Leave out the unused tail of ext4 inode tables where the filesystem proves it. */
  readonly lean: boolean;
}

/** What is known of a filesystem after it was scanned. */
export interface FsFacts {
  /** How it was left. */
  readonly state: FsState;
  /** Bytes the filesystem's own counters call free, if it keeps such; the driver compares. */
  readonly freeBytes?: number;
  /** Names of the features in use, as the filesystem's own tools spell them. */
  readonly features?: readonly string[];
}

export interface FsProbe {
  /** The name of the folder: `ext`, `fat`, `btrfs`. */
  readonly name: string;

  /** What looks for damage, and repairs it: `e2fsck -f`. */
  readonly checkCommand: string;

  /**
   * Cheap and forgiving: does a filesystem of this kind start here? A damaged one whose magic is
   * there is claimed too (over the whole volume if its length is not known), so that it is reported
   * and mapped whole instead of passing as unknown. Throws nothing but `SystemError`
   * and `NotLoadedError`.
   */
  identify(volume: Volume): Claim | undefined;

  /**
   * Reads the filesystem whole and names everything it uses.
   * @param claims all claims of one group, at least one; more only if `identify` gives groups.
   * @param volumes every volume of the image, for journals and devices that lie elsewhere.
   * @throws {CorruptError | UnsupportedError} if the filesystem was not understood whole.
   */
  scan(
    claims: readonly Claim[],
    volumes: readonly Volume[],
    sink: ScanSink,
    options: ScanOptions,
  ): FsFacts;
}
