import type { ImageReader } from '../../image/image-reader.ts';
import type { Claim, Volume } from '../fs-probe.ts';
import { isRaidMember } from './raid-member.ts';
import { hasMagic, type Signature } from './signature.ts';
import { signatures } from './signatures.ts';

/**
 * Every known but unread format that announces itself on the volume; several answers are possible, and
 * all are given. @param isClaimed whether a probe claims the volume: then weak signatures are chance.
 */
export function recognizeFormats(volume: Volume, isClaimed: boolean): readonly Claim[] {
  const { reader } = volume;
  const claims = claimsOf(volume, matching(reader, false));
  if (isRaidMember(reader)) {
    claims.push({ volume, type: 'Linux RAID member', lengthBytes: reader.sizeBytes });
  }
  if (isClaimed || claims.length > 0) return claims;
  return claimsOf(volume, matching(reader, true));
}

/** True if a known format has its mark at the reader's start. Says nothing of marks at its end. */
export function startsRecognizedFormat(reader: ImageReader): boolean {
  return matching(reader, false).length > 0;
}

function matching(reader: ImageReader, isWeak: boolean): readonly Signature[] {
  return signatures.filter(
    (signature) => (signature.isWeak ?? false) === isWeak && hasMagic(reader, signature.magics),
  );
}

function claimsOf(volume: Volume, found: readonly Signature[]): Claim[] {
  return found.map(({ type, lengthBytes }) => ({
    volume,
    type,
    lengthBytes: lengthBytes?.(volume.reader) ?? volume.reader.sizeBytes,
  }));
}
