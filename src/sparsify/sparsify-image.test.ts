import {
  appendFileSync,
  copyFileSync,
  existsSync,
  readFileSync,
  readdirSync,
  renameSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

import { makeFatImage } from '../../test/support/fat-image.ts';
import { scanFileForTest } from '../../test/support/poison.ts';
import { makeScratchFolder } from '../../test/support/scratch.ts';
import { SystemError } from '../errors/errors.ts';
import type { ByteRange } from '../ranges/byte-range.ts';
import { RangeSet } from '../ranges/range-set.ts';
import { copySparse } from './sparse-copy.ts';
import { sparsifyImage } from './sparsify-image.ts';
import { LINUX_SPARSIFY_HOST, type SparsifyHost } from './sparsify-host.ts';

/** An empty FAT16 whose size is not one of whole blocks, its free space full of junk. */
async function makeImage(): Promise<{ file: string; bytes: Uint8Array; mapped: RangeSet }> {
  const { bytes } = makeFatImage({ bits: 16, clusterCount: 9001, sectorsPerCluster: 2 });
  const file = path.join(makeScratchFolder(), 'fat.img');
  writeFileSync(file, bytes);
  const { mapped } = await scanFileForTest(file);
  for (const { startByte, endByte } of mapped.complementWithin(0, bytes.length)) {
    bytes.fill(0xa5, startByte, endByte);
  }
  writeFileSync(file, bytes);
  return { file, bytes, mapped };
}

/** The machine, but for what is replaced; with a record of the holes that it was asked for. */
function makeHost(changes: Partial<SparsifyHost>): { host: SparsifyHost; punched: ByteRange[] } {
  const punched: ByteRange[] = [];
  const host: SparsifyHost = {
    ...LINUX_SPARSIFY_HOST,
    async punchHole(file, startByte, lengthBytes) {
      punched.push({ startByte, endByte: startByte + lengthBytes });
      return LINUX_SPARSIFY_HOST.punchHole(file, startByte, lengthBytes);
    },
    ...changes,
  };
  return { host, punched };
}

/** Does something the second time it is asked who uses the image: right before the first hole. */
function atLastMoment(act: () => void): Pick<SparsifyHost, 'findUsers'> {
  let asked = 0;
  return {
    findUsers() {
      if (++asked === 2) act();
      return [];
    },
  };
}

describe('sparsifyImage', () => {
  it('punches what the scan calls free and nothing else, to the end of the file', async () => {
    const { file, bytes, mapped } = await makeImage();
    expect(bytes.length % 4096).not.toBe(0);
    const { host, punched } = makeHost({});
    const report = await sparsifyImage(file, { host });
    const end = Math.ceil(bytes.length / 4096) * 4096;
    expect(RangeSet.of(...punched)).toEqual(mapped.complementWithin(0, end));
    expect(report.unusedBytes).toBe(bytes.length - mapped.lengthBytes);
    const expected = Uint8Array.from(bytes);
    for (const { startByte, endByte } of punched) expected.fill(0, startByte, endByte);
    expect(readFileSync(file).equals(expected)).toBe(true);
  });

  it.each<[string, (file: string) => void]>([
    ['written to', (file) => appendFileSync(file, 'x')],
    ['touched', (file) => utimesSync(file, 1, 1)],
    [
      'replaced',
      (file) => {
        copyFileSync(file, `${file}.new`);
        renameSync(`${file}.new`, file);
      },
    ],
    ['moved away', (file) => renameSync(file, `${file}.old`)],
  ])('changes nothing if the image is %s while it is read', async (_, act) => {
    const { file } = await makeImage();
    const { host, punched } = makeHost(atLastMoment(() => act(file)));
    await expect(sparsifyImage(file, { host })).rejects.toMatchObject({ kind: 'image-changed' });
    expect(punched).toEqual([]);
  });

  it('changes nothing if the image is attached to a loop device while it is read', async () => {
    const { file, bytes } = await makeImage();
    let asked = 0;
    const range = { startByte: 0, endByte: Infinity };
    const { host, punched } = makeHost({
      findUsers: () => (++asked === 1 ? [] : [{ description: 'attached', range }]),
    });
    await expect(sparsifyImage(file, { host })).rejects.toMatchObject({ kind: 'in-use' });
    expect(punched).toEqual([]);
    expect(readFileSync(file).equals(bytes)).toBe(true);
  });

  it('says what failed: the lock, the filesystem, the disk', async () => {
    const { file } = await makeImage();
    const attempt = async (changes: Partial<SparsifyHost>) =>
      sparsifyImage(file, { host: makeHost(changes).host });
    await expect(attempt({ lockWholeFile: () => false })).rejects.toMatchObject({ kind: 'locked' });
    await expect(attempt({ punchHole: async () => false })).rejects.toMatchObject({
      kind: 'no-hole-punching',
    });
    const fail = async () => {
      throw Object.assign(new Error('sync'), { code: 'EIO' });
    };
    const failure = attempt({ flush: fail });
    await expect(failure).rejects.toBeInstanceOf(SystemError);
    await expect(failure).rejects.toMatchObject({ kind: 'EIO', path: file });
  });

  it('stops between two holes when it is told to', async () => {
    const { file } = await makeImage();
    const control = new AbortController();
    const { host, punched } = makeHost({});
    const stopping = { host, signal: control.signal, onProgress: () => control.abort() };
    const keepRanges = [{ startByte: 2 ** 22, endByte: 2 ** 22 + 4096 }];
    await expect(sparsifyImage(file, { ...stopping, keepRanges })).rejects.toMatchObject({
      code: 'BMAP_INTERRUPTED',
    });
    expect(punched).toHaveLength(1);
  });

  it('fills used holes through a host that takes few bytes at a time', async () => {
    const { file, bytes, mapped } = await makeImage();
    const written: ByteRange[] = [];
    const { host } = makeHost({
      seekData: () => undefined,
      async write(fileDescriptor, part, startByte) {
        const some = part.subarray(0, 5000);
        written.push({ startByte, endByte: startByte + some.length });
        return LINUX_SPARSIFY_HOST.write(fileDescriptor, new Uint8Array(0), startByte).then(
          () => some.length,
        );
      },
    });
    await sparsifyImage(file, { host, fillUsed: true });
    expect(RangeSet.of(...written)).toEqual(mapped);
    expect(readFileSync(file).length).toBe(bytes.length);
  });
});

describe('copySparse', () => {
  it('reads and writes where the kernel cannot copy', async () => {
    const { file, bytes, mapped } = await makeImage();
    const copy = path.join(makeScratchFolder(), 'copy');
    let asked = 0;
    const { host } = makeHost({
      async copyRange() {
        asked++;
        return undefined;
      },
      write: async (fileDescriptor, part, startByte) =>
        LINUX_SPARSIFY_HOST.write(fileDescriptor, part.subarray(0, 70_000), startByte),
    });
    const kept = { startByte: 2 ** 22, endByte: 2 ** 22 + 4096 };
    await copySparse(file, copy, { host, keepRanges: [kept] });
    expect(asked).toBe(1);
    const expected = new Uint8Array(bytes.length);
    for (const { startByte, endByte } of [...mapped, kept]) {
      expected.set(bytes.subarray(startByte, endByte), startByte);
    }
    expect(readFileSync(copy).equals(expected)).toBe(true);
    expect(readFileSync(file).equals(bytes)).toBe(true);
  });

  it('leaves nothing behind when it fails or is stopped, and what was there before', async () => {
    const { file } = await makeImage();
    const folder = makeScratchFolder();
    const copy = path.join(folder, 'copy');
    writeFileSync(copy, 'before');
    const full = makeHost({
      copyRange: async () => undefined,
      async write() {
        throw Object.assign(new Error('write'), { code: 'ENOSPC' });
      },
    });
    const failure = copySparse(file, copy, { host: full.host });
    await expect(failure).rejects.toMatchObject({ kind: 'ENOSPC' });
    const control = new AbortController();
    const { host } = makeHost({
      async copyRange() {
        control.abort();
        return 4096;
      },
    });
    const stopped = copySparse(file, copy, { host, signal: control.signal });
    await expect(stopped).rejects.toMatchObject({ code: 'BMAP_INTERRUPTED' });
    const changed = makeHost({
      async flush() {
        appendFileSync(file, 'x');
      },
    });
    const late = copySparse(file, copy, { host: changed.host });
    await expect(late).rejects.toMatchObject({ kind: 'image-changed' });
    expect(readdirSync(folder)).toEqual(['copy']);
    expect(readFileSync(copy, 'utf8')).toBe('before');
  });

  it('gives whoever ends the process a way to clean up', async () => {
    const { file } = await makeImage();
    const folder = makeScratchFolder();
    let cleanUp: (() => void) | undefined;
    let isForgotten = false;
    const { host } = makeHost({
      async flush() {
        expect(readdirSync(folder)).toHaveLength(1);
        expect(isForgotten).toBe(false);
      },
    });
    const onCleanup = (cleanup: () => void) => {
      cleanUp = cleanup;
      return () => {
        isForgotten = true;
      };
    };
    await copySparse(file, path.join(folder, 'copy'), { host, onCleanup });
    expect([isForgotten, existsSync(path.join(folder, 'copy'))]).toEqual([true, true]);
    expect(cleanUp).toBeDefined();
  });
});
