import { closeSync, openSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { describe, expect, it, onTestFinished } from 'vitest';

import { makeScratchFolder } from '../../test/support/scratch.ts';
import { CorruptError, RefusedError } from '../errors/errors.ts';
import { createBmap, type CreateHost } from './create-bmap.ts';

const EXT4_TYPE = 0xef53;

/** A host whose filesystem has blocks of 1 KiB and reports data in bytes 1024-2047. */
const plainHost: CreateHost = {
  readExtents: (_, startByte) => (startByte < 2048 ? [{ startByte: 1024, endByte: 2048 }] : []),
  seekData: () => undefined,
  seekHole: () => undefined,
  sync: () => {},
  readBlockSize: () => 1024,
  readFilesystemType: () => EXT4_TYPE,
  readZfsParameter: () => {
    throw new Error('asked of a filesystem that is not ZFS');
  },
};

async function create(changes: Partial<CreateHost>, bytes = Buffer.alloc(5000)) {
  const file = path.join(makeScratchFolder(), 'x.img');
  writeFileSync(file, bytes);
  const fileDescriptor = openSync(file, 'r');
  onTestFinished(() => closeSync(fileDescriptor));
  return createBmap({
    fileDescriptor,
    path: file,
    imageSizeBytes: bytes.length,
    withChecksums: false,
    host: { ...plainHost, ...changes },
  });
}

function failWith(code: string) {
  return () => {
    throw Object.assign(new Error(code), { code });
  };
}

it('maps what the host calls data, in blocks of its filesystem', async () => {
  expect(await create({})).toEqual({
    version: '2.0',
    imageSizeBytes: 5000,
    blockSizeBytes: 1024,
    blockCount: 5,
    mappedBlockCount: 1,
    checksumType: 'sha256',
    ranges: [{ firstBlock: 1, lastBlock: 1 }],
  });
});

it('writes the data to disk before it asks for holes', async () => {
  const order: string[] = [];
  await create({
    sync: () => void order.push('sync'),
    readExtents: () => (order.push('extents'), []),
  });
  expect(order).toEqual(['sync', 'extents']);
});

it.each(['EROFS', 'EINVAL'])('takes %s from sync for a read-only filesystem', async (code) => {
  expect(await create({ sync: failWith(code) })).toMatchObject({ mappedBlockCount: 1 });
});

it('makes no map if the data cannot be written to disk', async () => {
  await expect(create({ sync: failWith('EIO') })).rejects.toMatchObject({ kind: 'EIO' });
});

it('refuses an empty file', async () => {
  const creating = create({}, Buffer.alloc(0));
  await expect(creating).rejects.toThrow(CorruptError);
  await expect(creating).rejects.toThrow('zero-sized');
});

/** ZFS with the parameter at that value. */
function zfsHost(value: string | undefined): Partial<CreateHost> {
  return {
    readFilesystemType: () => 0x2fc12fc1,
    readZfsParameter: () => ({ path: '/sys/zfs_dmu_offset_next_sync', value }),
  };
}

describe('on ZFS', () => {
  it.each([undefined, '0', ''])('refuses while the parameter is %j', async (value) => {
    const creating = create(zfsHost(value));
    await expect(creating).rejects.toThrow(RefusedError);
    await expect(creating).rejects.toThrow('echo 1 > /sys/zfs_dmu_offset_next_sync');
  });

  it('goes on when it is set', async () => {
    expect(await create(zfsHost('1'))).toMatchObject({ mappedBlockCount: 1 });
  });
});
