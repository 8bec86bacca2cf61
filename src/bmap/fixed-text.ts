/**
 * The fixed text of a bmap file, version 2.0: the comments, elements and spacing that bmaptool's
 * `create` writes, mistakes of language included. It is part of the file format in practice: tools and tests compare
 * maps byte for byte, and a map should not tell which of the two programs made it. It is the only text here that was
 * not written for this project, and that is why it stands in a file of its own.
 */

export const XML_START = `<?xml version="1.0" ?>
<!-- This file contains the block map for an image file, which is basically
     a list of useful (mapped) block numbers in the image file. In other words,
     it lists only those blocks which contain data (boot sector, partition
     table, file-system metadata, files, directories, extents, etc). These
     blocks have to be copied to the target device. The other blocks do not
     contain any useful data and do not have to be copied to the target
     device.

     The block map an optimization which allows to copy or flash the image to
     the image quicker than copying of flashing the entire image. This is
     because with bmap less data is copied: <MappedBlocksCount> blocks instead
     of <BlocksCount> blocks.

     Besides the machine-readable data, this file contains useful commentaries
     which contain human-readable information like image size, percentage of
     mapped data, etc.

     The 'version' attribute is the block map file format version in the
     'major.minor' format. The version major number is increased whenever an
     incompatible block map format change is made. The minor number changes
     in case of minor backward-compatible changes. -->

<bmap version="2.0">
`;

export const BLOCK_SIZE_COMMENT = '    <!-- Size of a block in bytes -->\n';
export const BLOCK_COUNT_COMMENT = '    <!-- Count of blocks in the image file -->\n';
export const CHECKSUM_TYPE_COMMENT = '    <!-- Type of checksum used in this file -->\n';
export const FILE_CHECKSUM_COMMENT = `    <!-- The checksum of this bmap file. When it is calculated, the value of
         the checksum has be zero (all ASCII "0" symbols).  -->
`;
export const BLOCK_MAP_COMMENT = `    <!-- The block map which consists of elements which may either be a
         range of blocks or a single block. The 'chksum' attribute
         (if present) is the checksum of this blocks range. -->
`;

export function imageSizeComment(humanSize: string): string {
  return `    <!-- Image size in bytes: ${humanSize} -->\n`;
}

/** `mappedText` is written over blanks that were made as wide as the image's size and `or 100.0%` need. */
export function mappedBlockCountComment(mappedText: string, humanImageSize: string): string {
  const blanks = `${' '.repeat(humanImageSize.length)} or ${' '.repeat('100.0%'.length)}   `;
  return `    <!-- Count of mapped blocks: ${mappedText.padEnd(blanks.length)}-->\n`;
}

export const XML_END = `    </BlockMap>
</bmap>
`;
