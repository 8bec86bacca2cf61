import { probes } from '../fs-probes/probes.ts';
import { startsRecognizedFormat } from '../fs-probes/recognized/recognize.ts';
import type { ImageReader } from '../image/image-reader.ts';
import { WindowReader } from '../image/window-reader.ts';

/**
 * Whether a filesystem announces itself at this byte. The readers of partition tables ask it: it tells
 * a boot sector from a partition table, and sectors of 512 bytes from those of 4096. Copies of
 * superblocks, which ext filesystems keep in many places, do not count.
 */
export function startsFilesystem(reader: ImageReader, startByte: number): boolean {
  if (startByte >= reader.sizeBytes) return false;
  const window = new WindowReader(reader, startByte, reader.sizeBytes - startByte);
  const volume = { index: 0, name: `byte ${startByte}`, startByte, reader: window };
  const claims = probes.flatMap((probe) => probe.identify(volume) ?? []);
  return claims.some(({ isCopy }) => isCopy !== true) || startsRecognizedFormat(window);
}
