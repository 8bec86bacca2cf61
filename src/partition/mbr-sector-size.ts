/**
 * An MBR counts in sectors and does not say how large they are. Disks with 4096-byte sectors exist, and
 * so do their images, so both sizes are tried: a size is supported by each partition that, counted in
 * it, starts where a filesystem or an EBR starts.
 */
import type { ImageReader } from '../image/image-reader.ts';
import { BOOT_RECORD_BYTES, isExtended, parseBootRecord, type MbrEntry } from './boot-record.ts';

export type StartsFilesystem = (startByte: number) => boolean;

/**
 * @param entries the used ones.
 * @returns the size in bytes, or undefined if the image supports both, or 4096 but with partitions
 *   that end behind the image.
 * @throws {SystemError} if the image cannot be read.
 */
export function findMbrSectorBytes(
  reader: ImageReader,
  entries: readonly MbrEntry[],
  startsFilesystem: StartsFilesystem,
): 512 | 4096 | undefined {
  const isSupported = (sectorBytes: number, otherBytes: number): boolean => {
    // A place where a partition starts in either count says nothing; LBA 0 is always one.
    const ambiguous = new Set(entries.map(({ startLba }) => startLba * otherBytes));
    return entries.some((entry) => {
      const startByte = entry.startLba * sectorBytes;
      if (ambiguous.has(startByte) || startByte >= reader.sizeBytes) return false;
      return isExtended(entry) ? startsEbr(reader, startByte) : startsFilesystem(startByte);
    });
  };
  if (!isSupported(4096, 512)) return 512;
  if (isSupported(512, 4096)) return undefined;
  const fits = entries.every(
    ({ startLba, sectorCount }) => (startLba + sectorCount) * 4096 <= reader.sizeBytes,
  );
  return fits ? 4096 : undefined;
}

function startsEbr(reader: ImageReader, startByte: number): boolean {
  if (startByte + BOOT_RECORD_BYTES > reader.sizeBytes) return false;
  const record = parseBootRecord(reader.readAt(startByte, BOOT_RECORD_BYTES));
  return record?.hasValidStatus === true;
}
