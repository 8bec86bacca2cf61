/** The bytes that a GPT takes up: both headers, both arrays, and headers that lie around. */
import type { ImageReader } from '../image/image-reader.ts';
import type { ByteRange } from '../ranges/byte-range.ts';
import { attempt } from './gpt-attempt.ts';
import { entryArrayRange } from './gpt-entries.ts';
import { hasGptSignature, lastLba, readGptHeader, type GptHeader } from './gpt-header.ts';
import type { TableParts } from './partition-table.ts';

/**
 * The protective MBR and both copies of the table, as far as they lie inside the image.
 * @param backup left out if its header cannot be read.
 */
export function gptRanges(
  reader: ImageReader,
  primary: GptHeader,
  backup: GptHeader | undefined,
): readonly ByteRange[] {
  const { sectorBytes, alternateLba } = primary;
  const primaryArray = entryArrayRange(reader, primary);
  const ranges = [{ startByte: 0, endByte: 2 * sectorBytes }, primaryArray];
  if (alternateLba <= lastLba(reader, sectorBytes)) {
    const startByte = alternateLba * sectorBytes;
    ranges.push({ startByte, endByte: startByte + sectorBytes });
    // The array of a lost backup is taken to lie in front of its header, as tools put it.
    const arrayBytes = primaryArray.endByte - primaryArray.startByte;
    const assumed = { startByte: Math.max(startByte - arrayBytes, 0), endByte: startByte };
    ranges.push(backup === undefined ? assumed : entryArrayRange(reader, backup));
  }
  return ranges.filter(({ startByte, endByte }) => startByte < endByte);
}

/** A header in the last sector of the image that is not the backup: the image was cut or grown. */
export function findStrayHeader(
  reader: ImageReader,
  { alternateLba, sectorBytes }: GptHeader,
): Pick<TableParts, 'tableRanges' | 'findings'> {
  const lba = lastLba(reader, sectorBytes);
  const startByte = lba * sectorBytes;
  if (lba === alternateLba || lba < 2 || !hasGptSignature(reader, startByte)) {
    return { tableRanges: [], findings: [] };
  }
  const header = attempt(() => readGptHeader(reader, lba, sectorBytes));
  const sector = { startByte, endByte: startByte + sectorBytes };
  return {
    tableRanges: header.ok ? [sector, entryArrayRange(reader, header.value)] : [sector],
    findings: [
      {
        level: 'info',
        code: 'gpt.stray-header',
        text: 'the last sector holds a GPT header that does not belong to the table, probably of an earlier one; it is mapped, and not believed',
        startByte,
      },
    ],
  };
}
