import { describe, expect, it } from 'vitest';

import { describeWith, requireTools } from '../../test/support/requirements.ts';
import { run } from '../../test/support/run.ts';
import { DISCOVERABLE_TYPES } from './discoverable-types.ts';
import { GPT_TYPE_NAMES } from './gpt-types.ts';
import { formatMbrType, gptTypeName, mbrTypeName, verityRole } from './partition-types.ts';

const GUID = /^[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}$/;

describe('names of types', () => {
  it('are known for both kinds of table', () => {
    expect(mbrTypeName(0x83)).toBe('Linux');
    expect(mbrTypeName(0x0c)).toBe('FAT32 (LBA)');
    expect(gptTypeName('C12A7328-F81F-11D2-BA4B-00A0C93EC93B')).toBe('EFI System');
    expect(gptTypeName('4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709')).toBe('Linux root (x86-64)');
    expect(gptTypeName('77FF5F63-E7B6-4633-ACF4-1565B864C0E6')).toBe('Linux /usr verity (x86-64)');
    expect(gptTypeName('6DB69DE6-29F4-4758-A7A5-962190F00CE3')).toBe(
      'Linux root verity signature (arm64)',
    );
  });

  it('are unknown for the rest', () => {
    expect(mbrTypeName(0x99)).toBe('unknown');
    expect(gptTypeName('00000000-0000-0000-0000-000000000001')).toBe('unknown');
  });

  it('format an MBR type with two digits', () => {
    expect([0, 0x0c, 0xef].map(formatMbrType)).toEqual(['0x00', '0x0c', '0xef']);
  });

  it('stand under well-formed GUIDs, each once', () => {
    const guids = [...DISCOVERABLE_TYPES.keys(), ...GPT_TYPE_NAMES.keys()];
    for (const guid of guids) expect(guid).toMatch(GUID);
    expect(new Set(guids).size).toBe(guids.length);
    for (const name of GPT_TYPE_NAMES.values()) expect(name).toMatch(/\S/);
    // 21 architectures, root and /usr, data, hashes and signature.
    expect(DISCOVERABLE_TYPES.size).toBe(21 * 2 * 3);
  });
});

describe('the role of a type for dm-verity', () => {
  it('joins data, hashes and signature of one architecture', () => {
    const family = 'root-x86-64';
    expect(verityRole('4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709')).toEqual({ role: 'data', family });
    expect(verityRole('2C7357ED-EBD2-46D9-AEC1-23D437EC2BF5')).toEqual({ role: 'hash', family });
    expect(verityRole('41092B05-9FC8-4523-994F-2DEF0408B176')).toEqual({
      role: 'signature',
      family,
    });
  });

  it('is known for types that always carry their hashes', () => {
    expect(verityRole('3CB8E202-3B7E-47DD-8A3C-7FF2A13CFCEC')).toEqual({
      role: 'self-hashed',
      family: 'chromeos-root',
    });
    expect(verityRole('5DFBF5F4-2848-4BAC-AA5E-0D9A20B745A6')).toEqual({
      role: 'self-hashed',
      family: 'container-linux-usr',
    });
  });

  it('is none for other types', () => {
    expect(verityRole('0FC63DAF-8483-4772-8E79-3D69D8477DE4')).toBeUndefined();
    expect(verityRole('0x83')).toBeUndefined();
  });
});

describeWith(requireTools('sfdisk'), 'the types that sfdisk lists', () => {
  it('all have a name here', () => {
    expect(listed().length).toBeGreaterThan(100);
    expect(listed().filter(([guid]) => gptTypeName(guid) === 'unknown')).toEqual([]);
  });

  it('have the same role for dm-verity', () => {
    const roles = listed().flatMap(([guid, name]) => {
      const match = /^Linux (root|\/usr)( verity| verity sign\.)? \((.+)\)$/.exec(name);
      if (match === null) return [];
      const [, mountPoint = '', suffix = '', architecture = ''] = match;
      const role = { '': 'data', ' verity': 'hash', ' verity sign.': 'signature' }[suffix];
      const family = `${mountPoint.replace('/', '')}-${SPELLINGS[architecture] ?? architecture}`;
      return [{ guid, role, family: family.toLowerCase() }];
    });
    expect(roles.length).toBeGreaterThanOrEqual(18 * 6);
    expect(roles.map(({ guid }) => ({ guid, ...verityRole(guid) }))).toEqual(roles);
  });
});

/** Architectures that sfdisk spells otherwise than the specification. */
const SPELLINGS: Readonly<Record<string, string>> = {
  'ARM-64': 'arm64',
  'IA-64': 'ia64',
  'LoongArch-64': 'loongarch64',
  'MIPS-32 LE': 'mips-le',
  'MIPS-64 LE': 'mips64-le',
  PPC64LE: 'ppc64-le',
  'RISC-V-32': 'riscv32',
  'RISC-V-64': 'riscv64',
  'TILE-Gx': 'tilegx',
};

/** GUID and name. */
function listed(): readonly (readonly [string, string])[] {
  return run('sfdisk', ['--label', 'gpt', '--list-types'])
    .split('\n')
    .map((line) => /^(\S{36}) +(\S.*)$/.exec(line) ?? [])
    .flatMap(([, guid = '', name = '']) => (guid === '' ? [] : [[guid.toUpperCase(), name]]));
}
