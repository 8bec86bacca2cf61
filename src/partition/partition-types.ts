/**
 * What a partition's type says: a name for the user, and whether its blocks are hashed. A type is a
 * label and nothing more; no probe is chosen by it.
 */
import { DISCOVERABLE_TYPES, type VerityRole } from './discoverable-types.ts';
import { GPT_TYPE_NAMES } from './gpt-types.ts';
import { MBR_TYPE_NAMES } from './mbr-types.ts';

const UNKNOWN = 'unknown';

/**
 * Types whose partitions always end with a dm-verity hash tree that has no superblock, so nothing on
 * disk but the type gives them away. Sources: ChromiumOS design documents, "Verified Boot" and "Disk
 * Format"; Container Linux (Flatcar) disk layout, partitions USR-A and USR-B.
 */
const SELF_HASHED_FAMILIES: ReadonlyMap<string, string> = new Map([
  ['3CB8E202-3B7E-47DD-8A3C-7FF2A13CFCEC', 'chromeos-root'],
  ['5DFBF5F4-2848-4BAC-AA5E-0D9A20B745A6', 'container-linux-usr'],
]);

/** As the `type` of a partition of an MBR: `0x0c`. */
export function formatMbrType(typeByte: number): string {
  return `0x${typeByte.toString(16).padStart(2, '0')}`;
}

/** @param typeByte byte 4 of an entry. @returns `Linux`, or `unknown`. */
export function mbrTypeName(typeByte: number): string {
  return MBR_TYPE_NAMES.get(typeByte) ?? UNKNOWN;
}

/** @param guid upper case. @returns `EFI System`, or `unknown`. */
export function gptTypeName(guid: string): string {
  const discoverable = DISCOVERABLE_TYPES.get(guid);
  if (discoverable === undefined) return GPT_TYPE_NAMES.get(guid) ?? UNKNOWN;
  const { role, family } = discoverable;
  const [, mountPoint = '', architecture = ''] = /^(root|usr)-(.+)$/.exec(family) ?? [];
  const suffix = role === 'hash' ? ' verity' : role === 'signature' ? ' verity signature' : '';
  return `Linux ${mountPoint === 'usr' ? '/usr' : mountPoint}${suffix} (${architecture})`;
}

/**
 * What the type says about dm-verity, or undefined if nothing. Data whose family has a hash or
 * signature partition in the same image is hashed block by block; self-hashed data always is.
 * @param type the `type` of a partition: an upper-case GUID, or `0x83` (says nothing).
 */
export function verityRole(type: string): VerityRole | undefined {
  const family = SELF_HASHED_FAMILIES.get(type);
  return family === undefined ? DISCOVERABLE_TYPES.get(type) : { role: 'self-hashed', family };
}
