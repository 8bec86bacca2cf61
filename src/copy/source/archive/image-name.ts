/**
 * Which members of an archive can be the image. What usually lies beside an image is known by its
 * name; an unknown name is judged by its content.
 */

/** Block maps, signatures, checksums, texts and lists. */
const OTHER_ENDINGS = new Set(
  [
    ['bmap', 'asc', 'sig', 'sign', 'gpg', 'minisig', 'p7s', 'pem', 'crt', 'cert'],
    ['md5', 'md5sum', 'sha1', 'sha1sum', 'sha224', 'sha256', 'sha256sum', 'sha384', 'sha512'],
    ['sha512sum', 'b2', 'b2sum', 'b3', 'crc', 'sfv', 'sum', 'checksum'],
    ['txt', 'text', 'md', 'rst', 'adoc', 'htm', 'html', 'pdf', 'doc', 'log', 'nfo', 'diff'],
    ['json', 'xml', 'yml', 'yaml', 'toml', 'ini', 'conf', 'cfg', 'csv', 'env', 'properties'],
    ['manifest', 'list', 'packages', 'buildinfo', 'changelog', 'spdx', 'cdx', 'sh', 'py', 'bat'],
  ].flat(),
);

const OTHER_NAMES =
  /^(?:readme|license|licence|copying|copyright|changelog|changes|news|authors|notice|version|manifest|(?:md5|sha\d*|b2)?-?(?:sums?|checksums?))$/;

const IMAGE_ENDINGS = new Set(
  [
    ['img', 'image', 'raw', 'wic', 'iso', 'bin', 'dd', 'disk', 'hddimg', 'hdd', 'usb', 'sdcard'],
    ['sdimg', 'rpi-sdimg', 'direct', 'rootfs', 'ext2', 'ext3', 'ext4', 'btrfs', 'xfs', 'f2fs'],
    ['vfat', 'fat', 'squashfs', 'erofs', 'ubi', 'ubifs'],
  ].flat(),
);

/** What a member's path says about it. macOS adds folders and files of its own to archives. */
export function judgeName(memberName: string): 'image' | 'other' | 'unknown' {
  const parts = memberName.toLowerCase().split('/');
  const name = parts.at(-1) ?? '';
  if (parts.includes('__macosx') || name.startsWith('._') || name === '.ds_store') return 'other';
  if (OTHER_NAMES.test(name)) return 'other';
  const point = name.lastIndexOf('.');
  const ending = name.slice(point + 1);
  if (point === -1) return 'unknown';
  if (OTHER_ENDINGS.has(ending)) return 'other';
  return IMAGE_ENDINGS.has(ending) ? 'image' : 'unknown';
}

/** Tab, line feed, vertical tab, form feed, carriage return, escape. */
const TEXT_CONTROLS: readonly number[] = [9, 10, 11, 12, 13, 27];

/** Valid UTF-8 without control characters: no disk starts like this, and every text does. */
export function looksLikeText(head: Uint8Array): boolean {
  if (head.some((byte) => byte < 0x20 && !TEXT_CONTROLS.includes(byte))) return false;
  // The last character may be cut; a stream would go on.
  return !new TextDecoder().decode(head, { stream: true }).includes('\ufffd');
}
