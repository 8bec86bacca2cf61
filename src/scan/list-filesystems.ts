import { loadOnDemand } from '../fs-probes/load-on-demand.ts';
import { probes } from '../fs-probes/probes.ts';
import type { ImageReader } from '../image/image-reader.ts';
import { readPartitionTable } from '../partition/read-partition-table.ts';
import { startsFilesystem } from './starts-filesystem.ts';
import { listVolumes } from './volumes.ts';

/**
 * The filesystems in an image that a scan would read, for example `ext4 in partition 2`. Looks at
 * superblocks only. @throws {SystemError} if the image cannot be read.
 */
export async function listFilesystems(reader: ImageReader): Promise<readonly string[]> {
  return loadOnDemand(() => askProbes(reader));
}

function askProbes(reader: ImageReader): readonly string[] {
  const table = readPartitionTable(reader, {
    startsFilesystem: (startByte) => startsFilesystem(reader, startByte),
  });
  return listVolumes(reader, table).flatMap((volume) => {
    const claims = probes.flatMap((probe) => probe.identify(volume) ?? []);
    const place = volume.partition === undefined ? 'the image' : volume.name;
    return claims.map(({ type }) => `${type} in ${place}`);
  });
}
