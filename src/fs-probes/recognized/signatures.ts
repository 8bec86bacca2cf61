/**
 * The table of recognised formats. Sources: util-linux `libblkid/src/superblocks` for places and
 * patterns, and the formats' own headers. A format moves out of here when it gets a probe.
 */
import type { ImageReader } from '../../image/image-reader.ts';
import { ascii, hex, type Magic, type Signature } from './signature.ts';

/** Swap headers end with the page; the page size is that of the machine that made them. */
const SWAP_PAGE_SIZES = [4096, 8192, 16384, 32768, 65536];

function atEndOfPage(text: string): Magic[] {
  return SWAP_PAGE_SIZES.map((pageBytes) => ascii(pageBytes - 10, text));
}

export const signatures: readonly Signature[] = [
  { type: 'LUKS', magics: [ascii(0, 'LUKS\xba\xbe')] },
  { type: 'BitLocker', magics: [ascii(3, '-FVE-FS-')] },
  { type: 'NTFS', magics: [ascii(3, 'NTFS    ')] },
  { type: 'exFAT', magics: [ascii(3, 'EXFAT   ')] },
  { type: 'ReFS', magics: [ascii(3, 'ReFS\0\0\0\0')] },
  { type: 'XFS', magics: [ascii(0, 'XFSB')] },
  { type: 'F2FS', magics: [hex(1024, '1020f5f2')] },
  { type: 'EROFS', magics: [hex(1024, 'e2e1f5e0')] },
  { type: 'squashfs', magics: [ascii(0, 'hsqs'), ascii(0, 'sqsh')] },
  { type: 'cramfs', magics: [hex(0, '453dcd28'), hex(0, '28cd3d45')] },
  { type: 'romfs', magics: [ascii(0, '-rom1fs-')] },
  { type: 'ISO 9660', magics: [ascii(32769, 'CD001')], lengthBytes: isoLengthBytes },
  { type: 'UDF', magics: [ascii(32769, 'BEA01')] },
  {
    type: 'hibernation image',
    magics: ['S1SUSPEND\0', 'S2SUSPEND\0', 'ULSUSPEND\0', 'LINHIB0001'].flatMap(atEndOfPage),
  },
  { type: 'swap', magics: ['SWAPSPACE2', 'SWAP-SPACE'].flatMap(atEndOfPage) },
  { type: 'LVM2', magics: [0, 512, 1024, 1536].map((at) => ascii(at + 24, 'LVM2 001')) },
  { type: 'VDO', magics: [ascii(0, 'dmvdo001')] },
  { type: 'dm-verity hashes', magics: [ascii(0, 'verity\0\0')] },
  { type: 'dm-integrity', magics: [ascii(0, 'integrt\0')] },
  { type: 'Android verified boot', magics: [ascii(0, 'AVB0')] },
  { type: 'Android boot image', magics: [ascii(0, 'ANDROID!')] },
  // The same magic, at the same place, in bcache and its descendant.
  { type: 'bcache or bcachefs', magics: [hex(4096 + 24, 'c68573f64e1a45ca8265f57f48ba6d81')] },
  { type: 'ZFS', magics: zfsUberblocks() },
  { type: 'APFS', magics: [ascii(32, 'NXSB')] },
  { type: 'HFS+', magics: [hex(1024, '482b0004'), hex(1024, '48580005')] },
  { type: 'ReiserFS', magics: [ascii(65536 + 52, 'ReIsEr'), ascii(8192 + 52, 'ReIsEr')] },
  { type: 'JFS', magics: [ascii(32768, 'JFS1')] },
  { type: 'UFS', magics: [hex(8192 + 1372, '54190100'), hex(65536 + 1372, '19015419')] },
  { type: 'GFS2', magics: [hex(65536, '01161970')] },
  { type: 'VMFS', magics: [hex(0x100000, '0dd001c0')] },
  { type: 'UBI', magics: [ascii(0, 'UBI#')] },
  { type: 'UBIFS', magics: [hex(0, '31181006')] },
  { type: 'Ceph BlueStore', magics: [ascii(0, 'bluestore block device')] },
  { type: 'NILFS2', magics: [hex(1024 + 6, '3434')], isWeak: true },
  { type: 'JFFS2', magics: [hex(0, '8519'), hex(0, '1985')], isWeak: true },
  {
    type: 'Minix',
    magics: [
      ...['7f13', '8f13', '6824', '7824'].map((digits) => hex(1024 + 16, digits)),
      hex(1024 + 24, '5a4d'),
    ],
    isWeak: true,
  },
];

/** The uberblock ring begins 128 KiB into the first label, with slots of 1 KiB and more. */
function zfsUberblocks(): Magic[] {
  const slots = [0, 1024, 2048, 4096, 8192, 12288, 16384];
  return slots.flatMap((slot) => [
    hex(131072 + slot, '0cb1ba0000000000'),
    hex(131072 + slot, '0000000000bab10c'),
  ]);
}

/** ECMA-119, 8.4: volume space size (little-endian half of byte 80) times logical block size. */
function isoLengthBytes(reader: ImageReader): number {
  if (reader.sizeBytes < 32768 + 132) return reader.sizeBytes;
  const descriptor = reader.readAt(32768, 132);
  const view = new DataView(descriptor.buffer, descriptor.byteOffset);
  const length = view.getUint32(80, true) * view.getUint16(128, true);
  return length === 0 ? reader.sizeBytes : length;
}
