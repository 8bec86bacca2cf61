import { list, paragraph, heading, type Topic } from './topic.ts';

export const mapsTopic: Topic = {
  title: 'Block maps',
  blocks: [
    paragraph(
      'A block map (bmap) is an XML file beside an image. It names the blocks that have to be written, with a checksum for each run of them, and has a checksum of its own. What it leaves out keeps on the device whatever was there before.',
    ),
    heading('Where it is looked for'),
    paragraph(
      'bmap copy looks beside the image, in its folder or on its server, for the name of the image with .bmap, then without its last ending, and so on. For distro.img.xz the order is:',
    ),
    list([
      ['distro.img.xz.bmap', 'the whole name'],
      ['distro.img.bmap', 'without .xz'],
      ['distro.bmap', 'without .img'],
    ]),
    paragraph(
      'Without a map nothing is written, unless --scan finds out what is used or --nobmap says that all of the image is meant.',
    ),
    heading('Versions'),
    paragraph(
      'Versions 1.0 to 1.4 and 2.0 are read, and written is 2.0 with SHA-256. Nothing of a map is used before all of it has been checked: its own checksum, its counts, and that its ranges ascend and lie inside the image. A map may be compressed.',
    ),
    heading('Signatures'),
    paragraph(
      'A map may be signed with OpenPGP, in the file itself (clearsigned) or in a file beside it: the name of the map with .asc or .sig. A signature that is there has to be good, or nothing is written; --no-sig-verify passes over it. gpg checks it with your keys, and with --keyring gpgv or gpg with the keys in a file alone. --fingerprint demands one signer, and --keyring and --fingerprint demand that there is a signature.',
    ),
  ],
};
