/**
 * What `fatfs` must not be asked about: it would take the filesystem for another type.
 * Source of the offsets: Microsoft, "FAT: General Overview of On-Disk Format" 1.03.
 */

/** The first count of clusters that `fatfs` takes for FAT32; it asks nothing else. */
const FAT32_FROM_CLUSTERS = 65_525;

export type FatfsFitness =
  | {
      readonly kind: 'fit';
      readonly sectorBytes: number;
      /** The first sector of the clusters. */
      readonly dataSector: number;
    }
  | { readonly kind: 'refused'; readonly reason: string };

/** Whether `fatfs` can judge the filesystem with this boot sector of 512 bytes. */
export function judgeForFatfs(bootSector: Uint8Array): FatfsFitness {
  const view = new DataView(bootSector.buffer, bootSector.byteOffset, bootSector.length);
  if (view.getUint16(510, true) !== 0xaa55) return refused('the boot sector has no signature');
  const sectorBytes = view.getUint16(11, true);
  const sectorsPerCluster = view.getUint8(13);
  if (sectorBytes < 512 || sectorsPerCluster === 0) return refused('the boot sector is no FAT');
  const tableSectors16 = view.getUint16(22, true);
  const tableSectors = tableSectors16 === 0 ? view.getUint32(36, true) : tableSectors16;
  const totalSectors16 = view.getUint16(19, true);
  const totalSectors = totalSectors16 === 0 ? view.getUint32(32, true) : totalSectors16;
  const rootSectors = Math.ceil((view.getUint16(17, true) * 32) / sectorBytes);
  const dataSector = view.getUint16(14, true) + view.getUint8(16) * tableSectors + rootSectors;
  const clusterCount = Math.floor((totalSectors - dataSector) / sectorsPerCluster);
  const isFat32 = tableSectors16 === 0;
  if (isFat32 !== clusterCount >= FAT32_FROM_CLUSTERS) {
    const type = isFat32 ? 'FAT32' : 'FAT16';
    return refused(`it would take ${type} with ${clusterCount} clusters for another type`);
  }
  return { kind: 'fit', sectorBytes, dataSector };
}

function refused(reason: string): FatfsFitness {
  return { kind: 'refused', reason };
}
