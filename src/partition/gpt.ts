/**
 * The GUID Partition Table as a whole: finds the sector size, reads the primary and the backup copy,
 * and decides which to believe. The primary is believed alone, the backup only where the MBR says that
 * this disk has a GPT; two copies that are both valid and name different partitions are not.
 *
 * Source: UEFI 2.10, section 5.3; Linux `block/partitions/efi.c`, which reads no backup by itself.
 */
import { UnsupportedError, type CorruptError } from '../errors/errors.ts';
import type { Finding } from '../errors/finding.ts';
import type { ImageReader } from '../image/image-reader.ts';
import { findPlausiblePartitions, readGptEntries } from './gpt-entries.ts';
import { attempt, type Attempt } from './gpt-attempt.ts';
import { lastLba, readGptHeader, type GptHeader } from './gpt-header.ts';
import { findStrayHeader, gptRanges } from './gpt-ranges.ts';
import type { Partition, TableParts } from './partition-table.ts';

/** The usual ones first; the order decides nothing, since only one may have a valid header. */
const SECTOR_SIZES: readonly number[] = [512, 4096, 1024, 2048];

export interface GptReading extends TableParts {
  readonly sectorBytes: number;
  readonly isTrusted: boolean;
}

/**
 * @param isProtected true if the MBR has a protective entry: then there must be a GPT, and one that
 *   cannot be read is reported as not trusted.
 * @returns undefined if there is no GPT.
 * @throws {SystemError} if the image cannot be read.
 */
export function readGpt(reader: ImageReader, isProtected: boolean): GptReading | undefined {
  const headers = SECTOR_SIZES.map((size) => attempt(() => readGptHeader(reader, 1, size)));
  const valid = headers.filter((header) => header.ok).map(({ value }) => value);
  const [primary, second] = valid;
  if (second !== undefined) {
    return distrust({
      level: 'error',
      code: 'gpt.sector-size',
      text: `valid GPT headers for sectors of ${valid.map(({ sectorBytes }) => sectorBytes).join(' and ')} bytes; which one counts depends on the disk, so everything is mapped. Delete the old one with sgdisk or wipefs`,
    });
  }
  if (primary !== undefined) return readFromPrimary(reader, primary);
  // A damaged header is a sign of a GPT, too, even if the MBR has lost its protective entry.
  const isExpected = isProtected || headers.some(isDamaged);
  return isExpected ? readFromBackup(reader, describeFailures(headers)) : undefined;
}

/** A header and what its array says. */
interface Copy {
  readonly header: GptHeader;
  readonly partitions: readonly Partition[];
}

function readCopy(reader: ImageReader, header: GptHeader): Copy {
  return { header, partitions: readGptEntries(reader, header) };
}

function readFromPrimary(reader: ImageReader, header: GptHeader): GptReading {
  const { alternateLba, sectorBytes } = header;
  const primary = attempt(() => readCopy(reader, header));
  const other = attempt(() => readGptHeader(reader, alternateLba, sectorBytes));
  const backup = other.ok ? attempt(() => readCopy(reader, other.value)) : other;
  const backupHeader = other.ok ? other.value : undefined;
  const stray = findStrayHeader(reader, header);
  const tableRanges = [...gptRanges(reader, header, backupHeader), ...stray.tableRanges];
  const findings = [...stray.findings];
  if (primary.ok && backup.ok && !namesSamePartitions(primary.value, backup.value)) {
    const finding: Finding = {
      level: 'error',
      code: 'gpt.backup-differs',
      text: 'primary and backup GPT are both valid and name different partitions; everything is mapped. Decide for one of them with gdisk, then scan again',
    };
    return distrust(finding, primary.value);
  }
  if (primary.ok) {
    if (!backup.ok) findings.push(reportBackup(backup.error));
    const { partitions } = primary.value;
    return { sectorBytes, partitions, tableRanges, isTrusted: true, findings };
  }
  if (backup.ok && backup.value.header.entriesCrc32 === header.entriesCrc32) {
    findings.push(reportPrimary(primary.error.message));
    const { partitions } = backup.value;
    return { sectorBytes, partitions, tableRanges, isTrusted: true, findings };
  }
  if (primary.error instanceof UnsupportedError) return reportUnsupported(primary.error);
  return distrust(reportLoss(describeFailures([primary, backup])));
}

/** The primary header is lost, and with it the word where the backup lies: the last sector must do. */
function readFromBackup(reader: ImageReader, primaryFailure: string): GptReading {
  const attempts = SECTOR_SIZES.map((size) =>
    attempt(() => readCopy(reader, readGptHeader(reader, lastLba(reader, size), size))),
  );
  const copies = attempts
    .filter((copy) => copy.ok)
    .map(({ value }) => value)
    .filter(({ header }) => header.alternateLba === 1);
  const [copy, second] = copies;
  if (copy === undefined || second !== undefined) {
    const failures = `${primaryFailure}; in the last sector: ${describeFailures(attempts)}`;
    return distrust(reportLoss(failures));
  }
  const { header, partitions } = copy;
  const { sectorBytes } = header;
  // Where the array of the lost primary lay is not known; it is nearly always sector 2.
  const lost = { ...header, myLba: 1, alternateLba: header.myLba, entriesLba: 2 };
  const claims = new Set(partitions.map(formatClaim));
  if (findPlausiblePartitions(reader, lost).some((left) => !claims.has(formatClaim(left)))) {
    const finding: Finding = {
      level: 'error',
      code: 'gpt.backup-differs',
      text: `the primary GPT is damaged (${primaryFailure}), and what is left of it names other partitions than the backup, which may be of an earlier table; everything is mapped. Repair the table with gdisk, then scan again`,
    };
    return distrust(finding, copy);
  }
  const tableRanges = gptRanges(reader, lost, header);
  const findings = [reportPrimary(primaryFailure)];
  return { sectorBytes, isTrusted: true, partitions, tableRanges, findings };
}

/** Names, GUIDs and attributes decide about no byte, so they may differ. */
function namesSamePartitions(one: Copy, other: Copy): boolean {
  const claims = ({ partitions }: Copy): string => partitions.map(formatClaim).join();
  return one.header.entriesCrc32 === other.header.entriesCrc32 || claims(one) === claims(other);
}

function formatClaim({ number, type, startByte, endByte }: Partition): string {
  return `${number} ${type} ${startByte} ${endByte}`;
}

function reportBackup(error: CorruptError | UnsupportedError): Finding {
  const isCutOff = error.kind === 'gpt-outside';
  return {
    level: 'warning',
    code: isCutOff ? 'gpt.backup-missing' : 'gpt.backup-damaged',
    text: isCutOff
      ? 'the backup GPT would lie behind the end of the image; the primary is used. Was the image cut? sgdisk -e moves the backup to the end'
      : `the backup GPT is damaged (${error.message}); the primary is used. sgdisk -e writes a new backup`,
  };
}

function reportPrimary(failure: string): Finding {
  return {
    level: 'warning',
    code: 'gpt.backup-used',
    text: `the primary GPT is damaged (${failure}); the backup is used. gdisk can restore the primary from it`,
  };
}

function reportUnsupported({ message }: UnsupportedError): GptReading {
  const text = `the GPT is larger or of other shape than is supported (${message}); everything is mapped`;
  return distrust({ level: 'warning', code: 'gpt.unsupported', text });
}

function reportLoss(failures: string): Finding {
  const text = `neither primary nor backup GPT can be read (${failures}); the partitions are not known, so everything is mapped. Repair the table with gdisk, then scan again`;
  return { level: 'error', code: 'gpt.damaged', text };
}

/** The most telling failures: what has no signature says nothing, unless nothing else has. */
function describeFailures(attempts: readonly Attempt<unknown>[]): string {
  const telling = attempts.some(isDamaged) ? attempts.filter(isDamaged) : attempts.slice(0, 1);
  return telling.flatMap((one) => (one.ok ? [] : [one.error.message])).join('; ');
}

/** True if something is there, but wrong. */
function isDamaged(one: Attempt<unknown>): boolean {
  return !one.ok && one.error.kind !== 'gpt-signature' && one.error.kind !== 'gpt-outside';
}

function distrust(finding: Finding, copy?: Copy): GptReading {
  return {
    sectorBytes: copy?.header.sectorBytes ?? 512,
    partitions: copy?.partitions ?? [],
    tableRanges: [],
    isTrusted: false,
    findings: [finding],
  };
}
