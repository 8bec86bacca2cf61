/**
 * What differs between the versions of the bmap file format. The minor number only rises for changes
 * that readers may ignore, so an unknown minor version is read as the latest known one of its major.
 */
import { CorruptError, UnsupportedError, type Place } from '../errors/errors.ts';

export interface BmapFormat {
  /** The element that holds the checksum of the file, if the version has one. */
  readonly fileChecksumElement?: 'BmapFileSHA1' | 'BmapFileChecksum';
  /** The attribute of a range that holds its checksum. */
  readonly rangeChecksumAttribute: 'sha1' | 'chksum';
  /** The digest of all checksums; otherwise the element ChecksumType names it. */
  readonly checksumType?: 'sha1';
}

/** Newest first: the first row that is not above the version asked for is its format. */
const FORMATS: readonly { major: number; minor: number; format: BmapFormat }[] = [
  {
    major: 1, // Version 2.0 is 1.4: the number was raised late, because 1.4 broke readers of 1.3.
    minor: 4,
    format: { fileChecksumElement: 'BmapFileChecksum', rangeChecksumAttribute: 'chksum' },
  },
  {
    major: 1,
    minor: 3,
    format: {
      fileChecksumElement: 'BmapFileSHA1',
      rangeChecksumAttribute: 'sha1',
      checksumType: 'sha1',
    },
  },
  { major: 1, minor: 0, format: { rangeChecksumAttribute: 'sha1', checksumType: 'sha1' } },
];

const NEWEST_MAJOR = 2;

/**
 * The format of a file that says `version` in its root element.
 * @throws {CorruptError} kind `version` if it is not `major.minor`.
 * @throws {UnsupportedError} kind `version` for major 0 and above 2.
 */
export function findFormat(version: string, place: Place): BmapFormat {
  const [, majorText, minorText] = /^(\d{1,9})\.(\d{1,9})$/.exec(version) ?? [];
  if (majorText === undefined || minorText === undefined) {
    throw new CorruptError('version', place, `version ${JSON.stringify(version)} is no version`);
  }
  const major = Number(majorText);
  const minor = Number(minorText);
  const row = FORMATS.find(
    (known) => major > known.major || (major === known.major && minor >= known.minor),
  );
  if (row === undefined || major > NEWEST_MAJOR) {
    const text = `only bmap format version up to 2.0 is supported, version ${version} is not supported`;
    throw new UnsupportedError('version', place, text);
  }
  return row.format;
}
