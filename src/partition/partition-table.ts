/** What every partition table comes down to, whatever its format. */
import type { Finding } from '../errors/finding.ts';
import type { ByteRange } from '../ranges/byte-range.ts';

/** One entry of a partition table. */
export interface Partition {
  /** As the kernel numbers it: the slot in MBR and GPT (from 1), 5 and up for logical ones. */
  readonly number: number;
  /** The table it stands in; `logical` ones stand in the chain behind an MBR's extended partition. */
  readonly scheme: 'mbr' | 'logical' | 'gpt';
  /** `0x83` or an upper-case GUID. */
  readonly type: string;
  /** `Linux`, `EFI System`, or `unknown`. */
  readonly typeName: string;
  /** GPT partition name; empty in MBR. Not escaped. */
  readonly name: string;
  /** As the table says: may reach past the end of the image. */
  readonly startByte: number;
  /** The first byte behind it. */
  readonly endByte: number;
  /** True for the extended partition that only holds logical ones: nothing of its own lies in it. */
  readonly isContainer: boolean;
}

/** The partition table of an image; a hybrid has both, an MBR and a GPT. */
export interface PartitionTable {
  /** `none`: no table was found, and the image as a whole is the only volume. */
  readonly scheme: 'none' | 'mbr' | 'gpt' | 'hybrid' | 'foreign';
  /** The unit of LBAs; 512 where there is no table. */
  readonly sectorBytes: number;
  /** In the order of the table. May overlap, and may lie in any order on disk. */
  readonly partitions: readonly Partition[];
  /**
   * What belongs to the table itself: MBR, every EBR, both GPT headers and arrays; and what is divided
   * in a way that is not understood: partitions that hold a table of their own, an extended partition
   * behind a broken link. Inside the image. All of it is mapped, whatever else lies there.
   */
  readonly tableRanges: readonly ByteRange[];
  /**
   * False if a table is there but cannot be trusted: then nothing of the image may be left out. Why,
   * is said by findings: of level `error` for damage and contradictions, `warning` for what is not
   * understood, `info` where the image is meant to be so (ISO).
   */
  readonly isTrusted: boolean;
  /** What is wrong with the table, or worth knowing. */
  readonly findings: readonly Finding[];
}

/** What one of several tables on a disk adds to the whole. */
export type TableParts = Pick<PartitionTable, 'partitions' | 'tableRanges' | 'findings'>;
