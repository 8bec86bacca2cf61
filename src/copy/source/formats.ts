/**
 * What an image can be wrapped in. The content decides, since names lie; a name that promises another
 * format is a hint that something went wrong. The checks here are stricter than the usual magic
 * numbers, so that a raw image that happens to start with three such bytes is not mistaken.
 */
import { startsLikeTar } from './archive/tar-header.ts';

export type CompressionName = 'gzip' | 'bzip2' | 'xz' | 'zstd' | 'lz4' | 'lzop';

/** How the name of the file ends, in small letters; `tar` where the ending promises an archive too. */
interface Endings {
  readonly plain: readonly string[];
  readonly tar: readonly string[];
}

interface Compression {
  readonly name: CompressionName;
  readonly endings: Endings;
  matches(head: Buffer): boolean;
}

/** As many bytes as the checks want to see; fewer do where the file is shorter. */
export const HEAD_BYTES = 4096;

export const LZOP_MAGIC = Buffer.from('894c5a4f000d0a1a0a', 'hex');

export const COMPRESSIONS: readonly Compression[] = [
  {
    name: 'gzip',
    endings: { plain: ['.gz', '.gzip'], tar: ['.tgz', '.taz'] },
    // RFC 1952: magic, method deflate, and three reserved flags that must be zero.
    matches: (head) => startsWith(head, '1f8b08') && head.length > 3 && (head[3]! & 0xe0) === 0,
  },
  {
    name: 'bzip2',
    endings: { plain: ['.bz2', '.bz', '.bzip2'], tar: ['.tbz2', '.tbz', '.tb2'] },
    matches: isBzip2,
  },
  {
    name: 'xz',
    endings: { plain: ['.xz'], tar: ['.txz'] },
    // xz-file-format.txt 2.1.1. Long enough by itself; a wrong checksum of the header means damage.
    matches: (head) => startsWith(head, 'fd377a585a00'),
  },
  {
    name: 'zstd',
    endings: { plain: ['.zst', '.zstd'], tar: ['.tzst', '.tzstd'] },
    matches: (head) => startsWith(behindSkippableFrames(head), '28b52ffd'),
  },
  {
    name: 'lz4',
    endings: { plain: ['.lz4'], tar: ['.tlz4'] },
    // lz4_Frame_format.md: magic, then version 01 in the two highest bits and a reserved zero bit.
    matches: (head) => {
      const frame = behindSkippableFrames(head);
      return startsWith(frame, '04224d18') && frame.length > 4 && (frame[4]! & 0xc2) === 0x40;
    },
  },
  {
    name: 'lzop',
    endings: { plain: ['.lzo', '.lzop'], tar: ['.tlzo', '.tzo'] },
    matches: (head) => head.subarray(0, LZOP_MAGIC.length).equals(LZOP_MAGIC),
  },
];

/** PKWARE APPNOTE 4.3.7: local header of a first member; 4.3.16: an archive without members. */
function isZip(head: Buffer): boolean {
  return startsWith(head, '504b0304') || startsWith(head, '504b0506');
}

/** Undefined for what is not compressed. */
export function findCompression(head: Buffer): CompressionName | undefined {
  return COMPRESSIONS.find((compression) => compression.matches(head))?.name;
}

/** Undefined for what is no archive, or a compressed one. */
export function findArchive(head: Buffer): 'tar' | 'zip' | undefined {
  if (startsLikeTar(head)) return 'tar';
  return isZip(head) ? 'zip' : undefined;
}

/** Whether `openSource` would take something off a file that starts so, or refuse its name. */
export function isWrapped(head: Buffer, fileName: string): boolean {
  const { compression, archive } = hintOf(fileName);
  const found = findCompression(head) ?? findArchive(head) ?? compression ?? archive;
  return found !== undefined;
}

/** What the name of a file promises. */
export interface NameHint {
  readonly compression: CompressionName | undefined;
  readonly archive: 'tar' | 'zip' | undefined;
}

/** `disk.wic.gz`: gzip. `disk.tar.xz` and `disk.txz`: xz and tar. Capital letters do not matter. */
export function hintOf(fileName: string): NameHint {
  const name = fileName.toLowerCase();
  for (const { name: compression, endings } of COMPRESSIONS) {
    if (endings.tar.some((ending) => name.endsWith(ending))) return { compression, archive: 'tar' };
    const ending = endings.plain.find((plain) => name.endsWith(plain));
    if (ending === undefined) continue;
    const archive = name.slice(0, -ending.length).endsWith('.tar') ? 'tar' : undefined;
    return { compression, archive };
  }
  if (name.endsWith('.tar')) return { compression: undefined, archive: 'tar' };
  if (name.endsWith('.zip')) return { compression: undefined, archive: 'zip' };
  return { compression: undefined, archive: undefined };
}

/** A block or the end must follow the header: `BZh`, level, then one of two 48-bit numbers. */
function isBzip2(head: Buffer): boolean {
  const level = head[3] ?? 0;
  const isLevel = level >= 0x31 && level <= 0x39;
  const next = head.toString('hex', 4, 10);
  const isBlock = next === '314159265359' || next === '177245385090';
  return startsWith(head, '425a68') && isLevel && isBlock;
}

/** Frames that decoders step over come first in files of pzstd, for example. RFC 8878, 3.1.2. */
function behindSkippableFrames(head: Buffer): Buffer {
  let rest = head;
  while (rest.length >= 8 && (rest.readUInt32LE(0) & 0xfffffff0) >>> 0 === 0x184d2a50) {
    rest = rest.subarray(8 + rest.readUInt32LE(4));
  }
  return rest;
}

function startsWith(head: Buffer, digits: string): boolean {
  return head.toString('hex', 0, digits.length / 2) === digits;
}
