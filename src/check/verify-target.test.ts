import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

import { itWith, requireRoot, requireTools } from '../../test/support/requirements.ts';
import { run } from '../../test/support/run.ts';
import { makeScratchFolder } from '../../test/support/scratch.ts';
import type { Bmap } from '../bmap/bmap.ts';
import { SystemError } from '../errors/errors.ts';
import { verifyTarget, type VerifyHost } from './verify-target.ts';

const BLOCK = 4096;
const ZERO_SHA256 = 'ad7facb2586fc6e966c004d7d1d16b024f5805ff7cb47c7a85dabd8b48892ca7';

/** Of an image of 16 blocks, blocks 4 and 9 are mapped and zero. */
const bmap: Bmap = {
  version: '2.0',
  imageSizeBytes: 16 * BLOCK,
  blockSizeBytes: BLOCK,
  blockCount: 16,
  mappedBlockCount: 2,
  checksumType: 'sha256',
  ranges: [4, 9].map((block) => ({ firstBlock: block, lastBlock: block, checksum: ZERO_SHA256 })),
};

const quietHost: VerifyHost = {
  flushBuffers: async () => {},
  dropCachedPages: () => {},
  findUsers: () => [],
};

function writeTarget(...dirtyBytes: readonly number[]): string {
  const bytes = new Uint8Array(16 * BLOCK);
  for (const place of dirtyBytes) bytes[place] = 1;
  const file = path.join(makeScratchFolder(), 'target');
  writeFileSync(file, bytes);
  return file;
}

describe('verifyTarget', () => {
  it('demands zeros only where it is asked to, and names the blocks between which there are none', async () => {
    const file = writeTarget(5 * BLOCK + 7, 7 * BLOCK, 16 * BLOCK - 1);
    const options = { host: quietHost };
    expect((await verifyTarget(file, bmap, options)).bad).toEqual([]);
    const { bad } = await verifyTarget(file, bmap, { ...options, zeros: true });
    expect(bad).toEqual([
      { startByte: 5 * BLOCK, endByte: 8 * BLOCK, reason: 'not-zero' },
      { startByte: 15 * BLOCK, endByte: 16 * BLOCK, reason: 'not-zero' },
    ]);
  });

  it('lists all that is bad in the order of the target', async () => {
    const file = writeTarget(0, 4 * BLOCK, 9 * BLOCK, 10 * BLOCK);
    const { bad } = await verifyTarget(file, bmap, { host: quietHost, zeros: true });
    expect(bad.map(({ startByte }) => startByte / BLOCK)).toEqual([0, 4, 9, 10]);
  });

  it('names who uses the target', async () => {
    const range = { startByte: 0, endByte: Infinity };
    const host = { ...quietHost, findUsers: () => [{ description: 'mounted on /mnt', range }] };
    const { findings } = await verifyTarget(writeTarget(), bmap, { host });
    expect(findings).toMatchObject([{ code: 'verify.in-use', level: 'warning' }]);
  });

  it('leaves the cache of a file alone', async () => {
    const host: VerifyHost = {
      ...quietHost,
      flushBuffers: async () => {
        throw new Error('not asked');
      },
    };
    expect((await verifyTarget(writeTarget(), bmap, { host })).findings).toEqual([]);
  });

  itWith(
    [...requireRoot(), ...requireTools('losetup', 'truncate')],
    'says so if the cache could not be emptied, and fails if the device does',
    async () => {
      const file = writeTarget();
      run('truncate', ['-s', '1M', file]);
      const device = run('losetup', ['--find', '--show', file]).trim();
      try {
        let dropped = 0;
        const failing = (kind: string): VerifyHost => ({
          ...quietHost,
          dropCachedPages: () => {
            dropped++;
          },
          flushBuffers: async () => {
            throw new SystemError(kind, device, 'BLKFLSBUF failed');
          },
        });
        const { findings, bad } = await verifyTarget(device, bmap, { host: failing('EACCES') });
        expect([findings[0]?.code, bad, dropped]).toEqual(['verify.cached', [], 1]);
        const broken = verifyTarget(device, bmap, { host: failing('EIO') });
        await expect(broken).rejects.toMatchObject({ kind: 'EIO' });
        expect((await verifyTarget(device, bmap)).findings).toEqual([]);
      } finally {
        run('losetup', ['--detach', device]);
      }
    },
  );
});
