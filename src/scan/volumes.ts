import type { Volume } from '../fs-probes/fs-probe.ts';
import type { ImageReader } from '../image/image-reader.ts';
import { WindowReader } from '../image/window-reader.ts';
import type { Partition, PartitionTable } from '../partition/partition-table.ts';

/** A volume together with the table's word on it; volume 0 is the image and has no partition. */
export interface ImageVolume extends Volume {
  /** As the table describes it; undefined for the image as a whole. */
  readonly partition: Partition | undefined;
  /** The first byte of the image behind the volume. */
  readonly endByte: number;
}

/**
 * The places where filesystems may lie: the image as a whole, then every partition that has bytes in
 * the image, in the order of the table. Partitions that reach past the end are cut there, so that a
 * filesystem in them is found to be truncated. Containers of logical partitions are none.
 */
export function listVolumes(reader: ImageReader, table: PartitionTable): readonly ImageVolume[] {
  const whole = { index: 0, name: 'image', startByte: 0, endByte: reader.sizeBytes, reader };
  const volumes: ImageVolume[] = [{ ...whole, partition: undefined }];
  for (const partition of table.partitions) {
    const { startByte } = partition;
    const endByte = Math.min(partition.endByte, reader.sizeBytes);
    if (partition.isContainer || startByte >= endByte) continue;
    volumes.push({
      index: volumes.length,
      name: `partition ${partition.number}`,
      startByte,
      endByte,
      reader: new WindowReader(reader, startByte, endByte - startByte),
      partition,
    });
  }
  return volumes;
}
