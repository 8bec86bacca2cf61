import { COMPRESSIONS } from '../../copy/source/formats.ts';
import { signatures } from '../../fs-probes/recognized/signatures.ts';
import { heading, list, paragraph, type Topic, type TopicEntry } from './topic.ts';

const compressions = COMPRESSIONS.map(({ name, endings }): TopicEntry => {
  const [plain, tar] = [endings.plain, endings.tar].map((names) => names.join(' '));
  return [name, `${plain}; as a tar archive ${tar}`];
});

export const formatsTopic: Topic = {
  title: 'Formats',
  blocks: [
    heading('Where images come from'),
    paragraph(
      'Images are raw: byte 0 is the first of the disk. copy, scan, inspect and check take them from',
    ),
    list([
      ['a path', 'a file, a block device, a pipe'],
      ['-', 'standard input'],
      ['http, https, ftp', 'an address; a login may stand in it or in ~/.netrc'],
      [
        'ssh://host/path',
        'fetched by the ssh program, with its keys and settings; /~/ is the home folder',
      ],
      ['file', 'an address of a file on this machine'],
    ]),
    heading('What they may be packed in'),
    paragraph('What a file is, its content decides. These endings are usual:'),
    list([
      ...compressions,
      ['tar', '.tar; GNU and POSIX (pax), sparse members included'],
      ['zip', '.zip'],
    ]),
    paragraph(
      'Of an archive with several images, --member names the one that is meant. Not read, with a message that says how to convert them: 7z archives, qcow2, VMDK, VHD, VHDX, VDI, Android sparse images and Apple disk images (DMG).',
    ),
    heading('What is understood'),
    list([
      ['MBR', 'with logical partitions; the tables themselves are mapped'],
      ['GPT', 'sectors of 512 to 4096 bytes, damaged primaries and hybrids included'],
      [
        'ext2, ext3, ext4',
        'exact to the block, bigalloc included; what was not cleanly unmounted is read through the journal',
      ],
      [
        'FAT12, FAT16, FAT32',
        'exact to the cluster; where it was not cleanly unmounted, all files are walked as well',
      ],
      ['btrfs', 'exact to the extent in every profile; copies, parity and the tree log are mapped'],
    ]),
    heading('What is mapped whole'),
    paragraph(
      'Partitions under dm-verity, AVB or of the type ChromeOS root, since every block of them is hashed; slack behind a filesystem; space that no partition covers (but see --gaps); and whatever is not understood. Known by name:',
    ),
    paragraph(`${[...signatures.map(({ type }) => type), 'Linux RAID member'].join(', ')}.`),
  ],
};
