import { describe, expect, it } from 'vitest';

import { EditableBtrfs, memoryVolume } from '../../../test/support/btrfs-edit.ts';
import { readFixture } from '../../../test/support/fixtures.ts';
import { describeWith, requireTools } from '../../../test/support/requirements.ts';
import { formatUuid } from '../../bytes/guid.ts';
import type { Volume } from '../fs-probe.ts';
import { DeviceSet, openDevices } from './device-set.ts';

const SEED_UUID = new Uint8Array(16).fill(7);
const SEEDING = 1n << 32n;

describeWith(requireTools('xz'), 'DeviceSet', () => {
  const original = readFixture('btrfs-treelog');
  const member = memoryVolume(original);
  const seed = { flags: 1n | SEEDING, dev_item_uuid: SEED_UUID, fsid: new Uint8Array(16) };

  function makeVolume(
    index: number,
    changes: Parameters<EditableBtrfs['patchSuperblock']>[0],
  ): Volume {
    // The superblock alone is looked at.
    const bytes = original.slice(0, 1 << 20);
    new EditableBtrfs(bytes).patchSuperblock({ dev_item_total_bytes: 1n << 20n, ...changes });
    return { ...memoryVolume(bytes), index, startByte: index << 30 };
  }

  function find(others: readonly Volume[], devid = 1) {
    const members = openDevices([{ volume: member, type: 'btrfs', lengthBytes: 0 }]);
    return new DeviceSet(members, [member, ...others]).find(formatUuid(SEED_UUID), devid);
  }

  it('finds a seed among the volumes of the image', () => {
    const volume = makeVolume(2, seed);
    expect(find([makeVolume(1, {}), volume])?.volume).toBe(volume);
  });

  it('takes a partition that is listed twice for one device', () => {
    const volume = makeVolume(2, seed);
    expect(find([volume, { ...volume, index: 3 }])?.volume).toBe(volume);
    const claims = [member, { ...member, index: 1 }].map((one) => {
      return { volume: one, type: 'btrfs', lengthBytes: 0 };
    });
    expect(openDevices(claims)).toHaveLength(1);
  });

  describe('finds none', () => {
    it('in a volume that is no btrfs, or a damaged one', () => {
      const damaged = makeVolume(2, seed);
      const bytes = damaged.reader.readAt(0, damaged.reader.sizeBytes);
      bytes[0x1_0080]! ^= 1;
      expect(find([memoryVolume(new Uint8Array(4096)), memoryVolume(bytes)])).toBeUndefined();
    });

    it('in a device that others may still write to', () => {
      expect(find([makeVolume(1, { ...seed, flags: 1n })])).toBeUndefined();
    });
  });

  it.each([
    ['twice', [seed, seed], 1, 'duplicate-device'],
    ['of another number', [seed], 2, 'device-number'],
    ['cut off', [{ ...seed, dev_item_total_bytes: 1n << 30n }], 1, 'truncated'],
    ['that is the target of a replacement', [{ ...seed, dev_item_devid: 0n }], 0, 'device-replace'],
  ])('refuses a seed %s', (_title, changes, devid, kind) => {
    const volumes = changes.map((change, index) => makeVolume(index + 1, change));
    expect(() => find(volumes, devid)).toThrow(expect.objectContaining({ kind }));
  });
});
