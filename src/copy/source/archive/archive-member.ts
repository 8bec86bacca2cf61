/** The contract between the readers of archives and the choice of the image in them. */
import type { StreamReader } from '../stream-reader.ts';

export interface ArchiveMember {
  /** As the archive spells it, without `./` in front. */
  readonly name: string;
  /** A regular file, as opposed to a folder, link or device. */
  readonly isFile: boolean;
  /** Size of its content, holes included, where it is known beforehand. */
  readonly sizeBytes: number | undefined;
  /** Its content. Only valid until the next member is asked for; need not be read to its end. */
  readonly content: StreamReader;
}

/**
 * All members in the order of the archive. Ends without an exception only behind the archive's own end.
 * @throws {CorruptError} @throws {UnsupportedError}
 */
export type ArchiveMembers = AsyncIterable<ArchiveMember>;
