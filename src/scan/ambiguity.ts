import type { Finding } from '../errors/finding.ts';
import type { ClaimResult } from './claim-result.ts';
import type { ImageVolume } from './volumes.ts';

/** Places where more than one filesystem announces itself: often an old one that was never wiped. */
export function findAmbiguities(
  volumes: readonly ImageVolume[],
  claims: readonly ClaimResult[],
): readonly Finding[] {
  const findings: Finding[] = [];
  const isPartitioned = volumes.some(({ partition }) => partition !== undefined);
  for (const volume of volumes) {
    const types = claims
      .filter(({ claim }) => claim.volume === volume)
      .map(({ claim }) => claim.type);
    if (types.length > 1) {
      findings.push({
        level: 'warning',
        code: 'scan.ambiguous',
        text: `${volume.name}: holds signs of ${types.join(' and ')}; only blocks that all of them leave free are left out. Wipe the signs that are old (wipefs)`,
        startByte: volume.startByte,
      });
    } else if (types.length === 1 && volume.partition === undefined && isPartitioned) {
      // ISO images for all machines carry partition tables on purpose.
      const level = types[0] === 'ISO 9660' ? 'info' : 'warning';
      findings.push({
        level,
        code: 'scan.filesystem-before-table',
        text: `image: ${types[0]} starts at its first byte, and there is a partition table too; only blocks that both leave free are left out${level === 'info' ? '' : '. Wipe the signs that are old (wipefs)'}`,
        startByte: 0,
      });
    }
  }
  return findings;
}
