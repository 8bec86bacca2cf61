/**
 * dm-verity and Android Verified Boot hash every block of a partition, free ones too, and refuse it at
 * boot if one differs. Such partitions are mapped whole. Signs: a verity partner by GPT type, a verity
 * superblock anywhere, an AVB footer or metadata, ChromeOS root filesystems.
 *
 * Sources: Discoverable Partitions Specification; Linux `Documentation/admin-guide/device-mapper/
 * verity.rst` and cryptsetup's `lib/verity/verity.c`, `struct verity_sb`; libavb `avb_footer.h`;
 * Android `system/extras/verity`, metadata magic.
 */
import { bytesEqual, hasAscii, hexBytes } from '../bytes/text.ts';
import type { Finding } from '../errors/finding.ts';
import type { ImageReader } from '../image/image-reader.ts';
import { verityRole } from '../partition/partition-types.ts';
import { alignUp } from '../ranges/byte-range.ts';
import { claimBounds, type ClaimResult } from './claim-result.ts';
import type { ImageVolume } from './volumes.ts';

const VERITY_MAGIC = 'verity\0\0';
const VERITY_SUPERBLOCK_BYTES = 512;
const AVB_FOOTER_BYTES = 64;
/** Android's older scheme: metadata right behind the filesystem. */
const ANDROID_VERITY_MAGIC = hexBytes('01b001b0');
/** How far behind a filesystem its hash tree's superblock is looked for, at every sector. */
const SEARCHED_SLACK_BYTES = 1024 * 1024;

export interface ProtectedVolumes {
  readonly volumes: ReadonlySet<ImageVolume>;
  readonly findings: readonly Finding[];
}

/** @throws {SystemError} if the image cannot be read. */
export function findVerityVolumes(
  volumes: readonly ImageVolume[],
  claims: readonly ClaimResult[],
): ProtectedVolumes {
  const reasons = new Map<ImageVolume, string>();
  const protect = (volume: ImageVolume, reason: string): void => {
    if (!reasons.has(volume)) reasons.set(volume, reason);
  };
  protectByType(volumes, protect);
  for (const volume of volumes) {
    if (hasAvbFooter(volume.reader)) protect(volume, 'it ends with an AVB footer');
    const slackStart = slackStartOf(volume, claims);
    if (slackStart !== undefined && hasHashesInSlack(volume.reader, slackStart)) {
      protect(volume, 'dm-verity hashes lie behind its filesystem');
    }
    protectPartners(volume, volumes, protect);
  }
  const findings = [...reasons].map(([volume, reason]): Finding => ({
    level: 'info',
    code: 'verity.protected',
    text: `${volume.name}: mapped whole, because ${reason}: every block is checked at boot, free ones too`,
    startByte: volume.startByte,
  }));
  return { volumes: new Set(reasons.keys()), findings };
}

type Protect = (volume: ImageVolume, reason: string) => void;

function protectByType(volumes: readonly ImageVolume[], protect: Protect): void {
  const roles = volumes.map((volume) => ({
    volume,
    role: volume.partition === undefined ? undefined : verityRole(volume.partition.type),
  }));
  const hashed = new Set(
    roles.flatMap(({ role }) =>
      role?.role === 'hash' || role?.role === 'signature' ? [role.family] : [],
    ),
  );
  for (const { volume, role } of roles) {
    if (role === undefined) continue;
    if (role.role === 'self-hashed') {
      protect(volume, 'partitions of its type carry their own hash tree');
    } else if (role.role === 'data' && hashed.has(role.family)) {
      protect(volume, 'a verity partition for its type is in the image');
    }
  }
}

/** A volume that starts with hashes, or with metadata that names hashed partitions, covers others. */
function protectPartners(
  volume: ImageVolume,
  volumes: readonly ImageVolume[],
  protect: Protect,
): void {
  const { reader } = volume;
  if (reader.sizeBytes < VERITY_SUPERBLOCK_BYTES) return;
  const start = reader.readAt(0, VERITY_SUPERBLOCK_BYTES);
  const others = volumes.filter((other) => other !== volume && other.partition !== undefined);
  if (hasAscii(start, 0, VERITY_MAGIC)) {
    const dataBytes = parseVerityDataBytes(start);
    for (const other of others) {
      // Which of them is hashed is not recorded; a smaller one cannot be.
      if (other.reader.sizeBytes >= dataBytes)
        protect(other, `${volume.name} holds dm-verity hashes`);
    }
  }
  if (hasAscii(start, 0, 'AVB0')) {
    for (const other of others)
      protect(other, `${volume.name} holds Android verified boot metadata`);
  }
}

/** `data_blocks` (bytes 72 to 79) times `data_block_size` (byte 64); 0 if too large to be true. */
function parseVerityDataBytes(superblock: Uint8Array): number {
  const view = new DataView(superblock.buffer, superblock.byteOffset);
  const dataBytes = Number(view.getBigUint64(72, true)) * view.getUint32(64, true);
  return Number.isSafeInteger(dataBytes) ? dataBytes : 0;
}

function hasAvbFooter(reader: ImageReader): boolean {
  if (reader.sizeBytes < AVB_FOOTER_BYTES) return false;
  const footer = reader.readAt(reader.sizeBytes - AVB_FOOTER_BYTES, AVB_FOOTER_BYTES);
  return hasAscii(footer, 0, 'AVBf');
}

/** Where the volume's filesystem ends, relative to the volume, if there is room behind it. */
function slackStartOf(volume: ImageVolume, claims: readonly ClaimResult[]): number | undefined {
  const ends = claims
    .filter(({ claim, facts }) => claim.volume === volume && facts !== undefined)
    .map(({ claim }) => claimBounds(claim).endByte - volume.startByte);
  const end = Math.min(...ends);
  return end < volume.reader.sizeBytes ? end : undefined;
}

function hasHashesInSlack(reader: ImageReader, slackStart: number): boolean {
  const firstSector = alignUp(slackStart, 512);
  const lengthBytes = Math.min(reader.sizeBytes - firstSector, SEARCHED_SLACK_BYTES);
  if (lengthBytes <= 0) return false;
  const slack = reader.readAt(firstSector, lengthBytes);
  if (bytesEqual(slack.subarray(0, ANDROID_VERITY_MAGIC.length), ANDROID_VERITY_MAGIC)) return true;
  for (let at = 0; at < lengthBytes; at += 512) if (hasAscii(slack, at, VERITY_MAGIC)) return true;
  return false;
}
