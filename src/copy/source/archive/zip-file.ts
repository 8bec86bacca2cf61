/** A zip archive in a file: its central directory, at the end, says what is in it. */
import type { Entry, ZipFile } from 'yauzl';

import { BmapError, CorruptError, SystemError } from '../../../errors/errors.ts';
import type { ByteInput } from '../byte-input.ts';
import type { DecodeContext } from '../decode/decoder.ts';
import { StreamReader } from '../stream-reader.ts';
import type { ArchiveMember } from './archive-member.ts';
import {
  assertReadable,
  assertTally,
  decodeMember,
  METHOD_DEFLATE,
  type ZipTally,
} from './zip-content.ts';

/** See `ArchiveMembers`. Content of members that nobody reads is not read. */
export async function* readZipFile(
  input: ByteInput,
  context: DecodeContext,
): AsyncGenerator<ArchiveMember> {
  const { structure } = context;
  const { fromFdPromise } = await import('yauzl');
  try {
    const zip = await fromFdPromise(input.fileDescriptor!, { autoClose: false });
    for await (const entry of zip.eachEntry()) {
      const content = new StreamReader(readEntry(zip, entry, input, context));
      yield {
        name: entry.fileName.replace(/^(?:\.\/)+/, ''),
        isFile: isFile(entry),
        sizeBytes: entry.uncompressedSize,
        content,
      };
      await content.close();
    }
  } catch (error) {
    throw fromZipError(error, input.name, structure);
  }
}

async function* readEntry(
  zip: ZipFile,
  entry: Entry,
  input: ByteInput,
  context: DecodeContext,
): AsyncGenerator<Uint8Array> {
  const { structure } = context;
  const { fileName, compressionMethod, compressedSize } = entry;
  assertReadable(fileName, compressionMethod, entry.generalPurposeBitFlag, structure);
  const { fileDataStart } = await zip
    .readLocalFileHeaderPromise(entry, { minimal: true })
    .catch((error: unknown) => {
      throw fromZipError(error, input.name, structure);
    });
  const stored = new StreamReader(
    input.pieces({ startByte: fileDataStart, endByte: fileDataStart + compressedSize }),
  );
  const found: ZipTally = { crc: 0, sizeBytes: 0 };
  try {
    yield* decodeMember(compressionMethod, compressedSize, stored, found, context);
    assertTally(
      fileName,
      found,
      { crc: entry.crc32, sizeBytes: entry.uncompressedSize },
      structure,
    );
    if (compressionMethod === METHOD_DEFLATE && !(await stored.isAtEnd())) {
      const text = `${fileName} ends before its ${compressedSize} bytes do: the archive is damaged, so get it again`;
      throw new CorruptError('damaged', { structure }, text);
    }
  } finally {
    await stored.close();
  }
}

/** The file type is in the high half where the archive was made on a Unix. APPNOTE 4.4.2, 4.4.15. */
function isFile({ fileName, versionMadeBy, externalFileAttributes }: Entry): boolean {
  const type = versionMadeBy >>> 8 === 3 ? (externalFileAttributes >>> 28) & 0xf : 0;
  return !fileName.endsWith('/') && (type === 0 || type === 8);
}

/** The package has plain errors for damage, and passes on those of the system. */
function fromZipError(error: unknown, name: string, structure: string): unknown {
  if (error instanceof BmapError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code !== undefined) return SystemError.from(error, name);
  const text = `this is not a whole zip archive (${message}); get it again`;
  return new CorruptError('damaged', { structure }, text, { cause: error });
}
