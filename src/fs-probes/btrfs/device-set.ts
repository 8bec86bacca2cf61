/**
 * The devices of one filesystem, by the UUID that chunk stripes name. They are volumes of the same
 * image: the claimed ones, and seed devices, which belong to an older filesystem of another fsid and
 * are shared read-only. A device that is not in the image is missing, and stays without a volume.
 */
import { CorruptError, UnsupportedError, type Place } from '../../errors/errors.ts';
import type { Claim, Volume } from '../fs-probe.ts';
import type { Stripe } from './chunk-item.ts';
import { isSeed } from './features.ts';
import { hasSuperblockMagic, readSuperblock, type Superblock } from './superblock.ts';

const place: Place = { structure: 'btrfs device list' };

export interface Device {
  readonly volume: Volume;
  readonly superblock: Superblock;
}

/**
 * Reads the superblock of every claimed volume.
 * @throws {CorruptError} if superblocks contradict each other, or a volume ends before its device does.
 * @throws {UnsupportedError} if one device is there twice: nothing tells which of them would be used.
 */
export function openDevices(claims: readonly Claim[]): readonly Device[] {
  const devices = withoutRepeated(
    claims.map(({ volume }) => openDevice(volume, readSuperblock(volume.reader))),
  );
  const first = devices[0]!.superblock;
  for (const { volume, superblock } of devices) {
    if (
      devices.some((other) => other.volume !== volume && isSameDevice(other.superblock, superblock))
    ) {
      const message = `device ${superblock.devid} is in the image more than once; which one counts is not known`;
      throw new UnsupportedError('duplicate-device', place, message);
    }
    if (
      superblock.nodeSize !== first.nodeSize ||
      superblock.sectorSize !== first.sectorSize ||
      superblock.checksum !== first.checksum ||
      superblock.metadataUuid.some((byte, index) => byte !== first.metadataUuid[index])
    ) {
      throw new CorruptError(
        'devices-differ',
        place,
        `the superblock of ${volume.name} does not fit the others`,
      );
    }
  }
  return devices;
}

export class DeviceSet {
  readonly members: readonly Device[];
  readonly #volumes: readonly Volume[];
  readonly #byUuid = new Map<string, Device | undefined>();
  #seeds: readonly Device[] | undefined;

  /** @param volumes every volume of the image: seed devices are looked for when a stripe names one. */
  constructor(members: readonly Device[], volumes: readonly Volume[]) {
    this.members = members;
    this.#volumes = volumes;
    for (const member of members) this.#byUuid.set(member.superblock.deviceUuid, member);
  }

  /**
   * The device with a UUID; undefined if it is missing.
   * @throws {CorruptError} if it has another number.
   * @throws {UnsupportedError} if it is a seed that is there twice.
   */
  find(uuid: string, devid: number): Device | undefined {
    if (!this.#byUuid.has(uuid)) this.#byUuid.set(uuid, this.#findSeed(uuid));
    const device = this.#byUuid.get(uuid);
    if (device !== undefined && device.superblock.devid !== devid) {
      const message = `${device.volume.name} is device ${device.superblock.devid}, not ${devid}`;
      throw new CorruptError('device-number', place, message);
    }
    return device;
  }

  /** The volume that holds a stripe; undefined if its device is missing. @throws as `find`. */
  volumeOf({ deviceUuid, devid }: Stripe): Volume | undefined {
    return this.find(deviceUuid, devid)?.volume;
  }

  /** What tree nodes may carry as fsid: nodes written before a seed was sprouted keep the seed's. */
  fsids(): readonly Uint8Array[] {
    const found = [...this.#byUuid.values()].filter((device) => device !== undefined);
    return found.map(({ superblock }) => superblock.metadataUuid);
  }

  #findSeed(uuid: string): Device | undefined {
    this.#seeds ??= withoutRepeated(this.#volumes.flatMap(readSeed));
    const [seed, second] = this.#seeds.filter(({ superblock }) => superblock.deviceUuid === uuid);
    if (second !== undefined) {
      const message = `seed device ${second.superblock.devid} is in the image more than once`;
      throw new UnsupportedError('duplicate-device', place, message);
    }
    return seed && openDevice(seed.volume, seed.superblock);
  }
}

function openDevice(volume: Volume, superblock: Superblock): Device {
  if (superblock.devid === 0) {
    const message = `${volume.name} is the target of a device replacement that has not ended`;
    throw new UnsupportedError('device-replace', place, message);
  }
  if (superblock.deviceBytes > volume.reader.sizeBytes) {
    const message = `device ${superblock.devid} has ${superblock.deviceBytes} bytes, and only ${volume.reader.sizeBytes} are here`;
    throw new CorruptError('truncated', place, message);
  }
  return { volume, superblock };
}

/** Two tables, or two entries of one, may list a partition twice: one place is one device. */
function withoutRepeated(devices: readonly Device[]): readonly Device[] {
  const places = devices.map(({ volume }) => volume.startByte);
  return devices.filter(({ volume }, index) => places.indexOf(volume.startByte) === index);
}

function isSameDevice(a: Superblock, b: Superblock): boolean {
  return a.devid === b.devid || a.deviceUuid === b.deviceUuid;
}

/** A volume that is no sound btrfs device is no seed: what it is, its own claim says. */
function readSeed(volume: Volume): readonly Device[] {
  if (!hasSuperblockMagic(volume.reader)) return [];
  try {
    const superblock = readSuperblock(volume.reader);
    return isSeed(superblock.flags) ? [{ volume, superblock }] : [];
  } catch (error) {
    if (error instanceof CorruptError || error instanceof UnsupportedError) return [];
    throw error;
  }
}
