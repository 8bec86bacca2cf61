import { heading, list, paragraph, type Topic } from './topic.ts';

export const safetyTopic: Topic = {
  title: 'Safety',
  blocks: [
    heading('What is left out of a map'),
    paragraph('Everything starts out mapped. A block is left out only if'),
    list([
      [
        '1.',
        'a filesystem was understood whole, each of its checksums fits, and each of its features is known; and',
      ],
      ['2.', 'every byte of the block is free; and'],
      [
        '3.',
        'nobody else speaks for it: no overlapping partition, no second filesystem, no partition table, no dm-verity or AVB hash, no --keep.',
      ],
    ]),
    paragraph(
      'In doubt the block is mapped, and a finding says why and what would help. Journals are always mapped. A filesystem that was not cleanly unmounted is read through its journal, or mapped whole.',
    ),
    paragraph(
      'Not promised: that nobody reads around the filesystem. A boot loader that lies inside of its free space needs --keep.',
    ),
    heading('What is refused'),
    list([
      [
        'as an image',
        'a device that is mounted, an image behind a writable loop device (scan and inspect --live map what is in use whole), and an image that changes while it is read',
      ],
      [
        'as a target',
        'a device that is mounted, swapped to, held by another layer, read-only or too small, a name under /dev where no device is, and whatever holds the image itself',
      ],
      [
        'to free space',
        'devices, images that are mounted, attached or locked, and filesystems that cannot punch holes',
      ],
    ]),
    heading('What is written, and when'),
    paragraph(
      'Nothing is opened for writing before map, signature and target have been checked. A range is written only once its checksum is known to be right; of long ranges the end is withheld. A source that is short or damaged is never a success. --verify-target reads everything back past the cache.',
    ),
  ],
};
