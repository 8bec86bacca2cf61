/**
 * Files that hold a disk image in some wrapping, and would be taken for an image full of unknown
 * bytes. Each is named with the way out.
 *
 * Sources: qemu `docs/interop/qcow2.rst`; VMware "Virtual Disk Format 5.0"; Microsoft "VHD" and
 * "VHDX" specifications; Android `system/core/libsparse/sparse_format.h`; Apple UDIF trailer; the
 * compressors' own format descriptions.
 */
import { UnsupportedError, UsageError } from '../errors/errors.ts';
import { bytesEqual, hexBytes, latin1Bytes } from '../bytes/text.ts';
import type { ImageReader } from './image-reader.ts';

interface ForeignFormat {
  readonly name: string;
  readonly kind: 'compressed' | 'archive' | 'disk-format';
  readonly magic: Uint8Array;
  /** Negative positions count from the end of the file. */
  readonly startByte: number;
  /** The command that makes a raw image; `IN` and `OUT` stand for the files. */
  readonly command: string;
}

const formats: readonly ForeignFormat[] = [
  compressed('gzip', '1f8b08', 'gzip -dc IN > OUT'),
  compressed('bzip2', '425a68', 'bzip2 -dc IN > OUT'),
  compressed('xz', 'fd377a585a00', 'xz -dc IN > OUT'),
  compressed('Zstandard', '28b52ffd', 'zstd -dc IN > OUT'),
  compressed('LZ4', '04224d18', 'lz4 -dc IN > OUT'),
  compressed('lzop', '894c5a4f000d0a1a0a', 'lzop -dc IN > OUT'),
  { ...compressed('zip', '504b0304', 'unzip -p IN > OUT'), kind: 'archive' },
  { ...compressed('7z', '377abcaf271c', '7z x -so IN > OUT'), kind: 'archive' },
  diskFormat('qcow2', 'QFI\xfb', 0, 'qemu-img convert -O raw IN OUT'),
  diskFormat('VMDK', 'KDMV', 0, 'qemu-img convert -O raw IN OUT'),
  diskFormat('VMDK', '# Disk DescriptorFile', 0, 'qemu-img convert -O raw IN OUT'),
  diskFormat('VMDK', 'COWD', 0, 'qemu-img convert -O raw IN OUT'),
  diskFormat('VHDX', 'vhdxfile', 0, 'qemu-img convert -O raw IN OUT'),
  // A dynamic disk has a copy of the footer in front; a fixed one is raw but for its last sector.
  diskFormat('VHD', 'conectix', 0, 'qemu-img convert -f vpc -O raw IN OUT'),
  diskFormat('VHD', 'conectix', -512, 'qemu-img convert -f vpc -O raw IN OUT'),
  diskFormat('VDI', '\x7f\x10\xda\xbe', 64, 'qemu-img convert -O raw IN OUT'),
  diskFormat('Android sparse image', '\x3a\xff\x26\xed', 0, 'simg2img IN OUT'),
  diskFormat('Apple disk image (DMG)', 'koly', -512, 'qemu-img convert -f dmg -O raw IN OUT'),
];

/**
 * @throws {UnsupportedError} if the file is a compressed or converted image.
 * @throws {UsageError} kind `bmap-as-image` if it is a block map.
 */
export function rejectForeignFormat(reader: ImageReader, path: string): void {
  const found = describeForeignFormat(reader, path);
  if (found !== undefined) throw new UnsupportedError(found.kind, { structure: path }, found.text);
  const start = new TextDecoder().decode(reader.readAt(0, Math.min(reader.sizeBytes, 4096)));
  if (/^\s*<\?xml[^]*<bmap[\s>]/.test(start)) {
    throw new UsageError(
      'bmap-as-image',
      `${path}: this is a block map, not an image; name the image`,
    );
  }
}

/** Says what the file is instead of a raw image, and how to make one; undefined if it may be one. */
export function describeForeignFormat(
  reader: ImageReader,
  path: string,
): { readonly kind: string; readonly text: string } | undefined {
  const found = formats.find((format) => matches(reader, format));
  if (found === undefined) return undefined;
  const names = new Map([
    ['IN', quote(path)],
    ['OUT', quote(rawNameFor(path))],
  ]);
  const command = found.command.replaceAll(/\b(?:IN|OUT)\b/g, (word) => names.get(word)!);
  const text = `this is a ${found.name} file, not a raw image. Make one first: ${command}`;
  return { kind: found.kind, text };
}

function compressed(name: string, digits: string, command: string): ForeignFormat {
  return { name, kind: 'compressed', magic: hexBytes(digits), startByte: 0, command };
}

function diskFormat(
  name: string,
  magic: string,
  startByte: number,
  command: string,
): ForeignFormat {
  return { name, kind: 'disk-format', magic: latin1Bytes(magic), startByte, command };
}

function matches(reader: ImageReader, { magic, startByte }: ForeignFormat): boolean {
  const at = startByte < 0 ? reader.sizeBytes + startByte : startByte;
  if (at < 0 || at + magic.length > reader.sizeBytes) return false;
  return bytesEqual(reader.readAt(at, magic.length), magic);
}

/** `disk.img.xz` becomes `disk.img`, `disk.qcow2` becomes `disk.raw`. */
function rawNameFor(path: string): string {
  const stem = path.replace(/\.[^./]+$/, '');
  return /\.(img|raw|wic|iso|bin)$/.test(stem) ? stem : `${stem}.raw`;
}

/** As a shell needs it. */
function quote(path: string): string {
  return /^[\w./+:@%-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}
