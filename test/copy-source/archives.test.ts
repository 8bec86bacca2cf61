/** Archives by tar and zip: which member is the image, and what must not pass. */
import { readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

import { BmapError, CorruptError } from '../../src/errors/errors.ts';
import { openSource } from '../../src/copy/source/open-source.ts';
import { ALL_PACKERS, makeFiles, makeTar, makeZip, pack, PACKERS } from '../support/packers.ts';
import { SeededRandom } from '../support/random.ts';
import { readSource, readStdin, type ReadSource } from '../support/read-source.ts';
import { describeWith } from '../support/requirements.ts';
import { run } from '../support/run.ts';

const IMAGE = Buffer.concat([new SeededRandom(5).bytes(300_001), Buffer.alloc(100_000)]);
const OTHER = Buffer.from(new SeededRandom(6).bytes(5000));
const BESIDE = {
  'disk.bmap': '<?xml version="1.0" ?>',
  'disk.img.sha256': 'abc  disk.img\n',
  SHA256SUMS: 'abc  disk.img\n',
  'disk.img.asc': '-----BEGIN PGP SIGNATURE-----',
  'README.md': '# Read me\n',
  notes: 'Grüße aus der Werkstatt\n',
  'disk.sig': OTHER,
};

type Make = (folder: string, names: readonly string[]) => string;

const GZIP = PACKERS[0]!;
const makeTarGz: Make = (folder, names) => {
  const file = makeTar(folder, names);
  writeFileSync(`${file}.gz`, pack(GZIP, readFileSync(file)));
  return `${file}.gz`;
};

const ARCHIVES: readonly (readonly [string, Make])[] = [
  ['tar', makeTar],
  ['tar.gz', makeTarGz],
  ['zip', makeZip],
];

describeWith(ALL_PACKERS, 'archives', () => {
  describe.each(ARCHIVES)('%s', (format, make) => {
    it('gives the image among all that lies beside it', async () => {
      const folder = makeFiles({ ...BESIDE, 'sub/disk.img': IMAGE, '._disk.img': OTHER });
      const names = [...Object.keys(BESIDE), '._disk.img', 'sub', 'sub/disk.img'].slice(0, -1);
      const file = make(folder, [...names, ...(format === 'zip' ? ['sub/disk.img'] : [])]);
      const fromFile = await readSource(file);
      expect(fromFile.bytes.equals(IMAGE)).toBe(true);
      expect(fromFile.sizeBytes).toBe(IMAGE.length);
      expect((await readStdin(readFileSync(file), {}, 999)).bytes.equals(IMAGE)).toBe(true);
    });

    it('takes a member without a telling name if its content is no text', async () => {
      const file = make(makeFiles({ release: IMAGE, notes: 'text\n' }), ['notes', 'release']);
      expect((await readSource(file)).bytes.equals(IMAGE)).toBe(true);
      expect((await readStdin(readFileSync(file))).bytes.equals(IMAGE)).toBe(true);
    });

    it('refuses several images, lists them, and takes the one that is named', async () => {
      const folder = makeFiles({ 'a/disk.img': IMAGE, 'boot.bin': OTHER, 'readme.txt': 'x' });
      const file = make(folder, ['a/disk.img', 'readme.txt', 'boot.bin']);
      const expected = {
        kind: 'several-members',
        message: expect.stringContaining('a/disk.img, boot.bin') as unknown,
      };
      await expect(openSource(file)).rejects.toMatchObject(expected);
      const stream = readFileSync(file);
      await expect(readStdin(stream)).rejects.toMatchObject(expected);
      for (const [member, content] of [
        ['boot.bin', OTHER],
        ['a/disk.img', IMAGE],
        ['./a/disk.img', IMAGE],
        ['disk.img', IMAGE],
        ['readme.txt', Buffer.from('x')],
      ] as const) {
        expect((await readSource(file, { member })).bytes).toEqual(content);
        expect((await readStdin(stream, { member })).bytes).toEqual(content);
      }
      await expect(openSource(file, { member: 'isk.img' })).rejects.toMatchObject({
        kind: 'no-such-member',
      });
    });

    it('gives the first of several images of a stream before it refuses the second', async () => {
      const folder = makeFiles({ 'a.img': IMAGE, 'b.img': OTHER });
      const { Readable } = await import('node:stream');
      const stdin = Readable.from([readFileSync(make(folder, ['a.img', 'b.img']))]);
      const source = await openSource('-', { stdin });
      const pieces: Uint8Array[] = [];
      await expect(
        (async () => {
          for await (const piece of source.chunks(new AbortController().signal))
            pieces.push(Uint8Array.from(piece));
        })(),
      ).rejects.toMatchObject({ code: 'BMAP_UNSUPPORTED', kind: 'several-members' });
      expect(Buffer.concat(pieces).equals(IMAGE)).toBe(true);
      await source.close();
    });

    it('refuses an archive without an image', async () => {
      const file = make(makeFiles(BESIDE), Object.keys(BESIDE));
      await expect(openSource(file)).rejects.toMatchObject({ kind: 'no-image-member' });
      await expect(readStdin(readFileSync(file))).rejects.toMatchObject({
        kind: 'no-image-member',
      });
    });

    it('refuses an image that is compressed inside', async () => {
      const file = make(makeFiles({ 'disk.img': pack(GZIP, IMAGE) }), ['disk.img']);
      await expect(openSource(file)).rejects.toMatchObject({ kind: 'nested' });
    });

    it('is refused when cut', async () => {
      const file = make(makeFiles({ 'disk.img': IMAGE, 'z.txt': 'behind' }), ['disk.img', 'z.txt']);
      const whole = readFileSync(file);
      const lengths = [20, 1, 512, whole.length >> 1, whole.length - 700].map(
        (cut) => whole.length - cut,
      );
      for (const length of lengths) {
        // A tar archive is filled up with blocks of zeros, one more or less of which is no loss.
        if (format === 'tar' && length === whole.length - 512) continue;
        writeFileSync(file, whole.subarray(0, length));
        await expect(readSource(file), `${length}`).rejects.toThrow(CorruptError);
        await expect(readStdin(whole.subarray(0, length)), `${length}`).rejects.toThrow(
          CorruptError,
        );
      }
    });
  });

  it('refuses --member where there is no archive', async () => {
    await expect(readStdin(IMAGE, { member: 'x' })).rejects.toMatchObject({
      kind: 'not-an-archive',
    });
  });
});

/** Data, holes, data again, and a hole at the end: more pieces than a header of GNU tar has room for. */
function makeSparse(): { folder: string; content: Buffer } {
  const content = Buffer.alloc(4_000_000);
  for (let piece = 0; piece < 40; piece++) {
    content.set(new SeededRandom(piece).bytes(4096), piece * 65536 + 4096);
  }
  const folder = makeFiles({ 'disk.img': '' });
  const file = path.join(folder, 'disk.img');
  truncateSync(file, content.length);
  for (let piece = 0; piece < 40; piece++) {
    const at = piece * 65536 + 4096;
    run('dd', [`of=${file}`, 'bs=4096', `seek=${at / 4096}`, 'conv=notrunc', 'status=none'], {
      input: content.subarray(at, at + 4096),
    });
  }
  return { folder, content };
}

describeWith(ALL_PACKERS, 'tar', () => {
  it.each([
    ['GNU', ['-S', '--format=gnu']],
    ['pax 0.0', ['-S', '--format=posix', '--sparse-version=0.0']],
    ['pax 0.1', ['-S', '--format=posix', '--sparse-version=0.1']],
    ['pax 1.0', ['-S', '--format=posix', '--sparse-version=1.0']],
  ])('gives the true content of sparse files of %s', async (_, options) => {
    const { folder, content } = makeSparse();
    const file = makeTar(folder, ['disk.img'], options);
    expect(readFileSync(file).length).toBeLessThan(content.length / 2);
    const { bytes, sizeBytes } = await readSource(file);
    expect(bytes.equals(content)).toBe(true);
    expect(sizeBytes).toBe(content.length);
    expect((await readStdin(readFileSync(file), {}, 1000)).bytes.equals(content)).toBe(true);
  });

  it.each(['v7', 'ustar', 'oldgnu', 'gnu', 'posix'])('reads the format %s', async (format) => {
    const file = makeTar(makeFiles({ 'disk.img': IMAGE }), ['disk.img'], [`--format=${format}`]);
    expect((await readSource(file)).bytes.equals(IMAGE)).toBe(true);
  });

  it.each(['gnu', 'posix', 'ustar'])('reads long names of the format %s', async (format) => {
    const name = `${'folder/'.repeat(20)}disk.img`;
    const folder = makeFiles({ [name]: IMAGE });
    const file = makeTar(folder, ['folder'], [`--format=${format}`]);
    expect((await readSource(file, { member: name })).bytes.equals(IMAGE)).toBe(true);
  });

  it('passes over links', async () => {
    const folder = makeFiles({ 'disk.img': IMAGE });
    symlinkSync('disk.img', path.join(folder, 'latest.img'));
    run('ln', [path.join(folder, 'disk.img'), path.join(folder, 'same.img')]);
    const file = makeTar(folder, ['disk.img', 'latest.img', 'same.img']);
    expect((await readSource(file)).bytes.equals(IMAGE)).toBe(true);
  });

  it('refuses joined archives, and one without its end', async () => {
    const folder = makeFiles({ 'a.img': IMAGE, 'b.img': OTHER });
    const [first, second] = ['a.img', 'b.img'].map((name) => readFileSync(makeTar(folder, [name])));
    await expect(readStdin(Buffer.concat([first!, second!]))).rejects.toMatchObject({
      kind: 'trailing-garbage',
    });
    const dataEnd = 512 + Math.ceil(IMAGE.length / 512) * 512;
    for (const length of [dataEnd, dataEnd + 512]) {
      await expect(readStdin(first!.subarray(0, length))).rejects.toMatchObject({
        kind: 'truncated',
      });
    }
  });

  it.each([
    ['GNU', ['-S', '--format=gnu'], [0]],
    ['pax', ['-S', '--format=posix'], [0, 1024]],
  ])(
    'never gives other bytes when any bit of a header of %s is wrong',
    async (_, options, headers) => {
      const { folder, content } = makeSparse();
      const file = makeTar(folder, ['disk.img'], options);
      const tar = readFileSync(file);
      const wrong: number[] = [];
      // What extending headers have as content is covered by no checksum.
      for (const header of headers) {
        for (let at = header; at < header + 512; at += 7) {
          writeFileSync(file, withBit(tar, at));
          const result = await readSource(file).catch((error: unknown) => error);
          if (!isRight(result, content)) wrong.push(at);
        }
      }
      expect(wrong).toEqual([]);
    },
  );

  it('ends in an error of ours when any bit of a list of pieces is wrong, or reads it', async () => {
    const { folder } = makeSparse();
    for (const options of [
      ['-S', '--format=gnu'],
      ['-S', '--format=posix'],
    ]) {
      const file = makeTar(folder, ['disk.img'], options);
      const tar = readFileSync(file);
      const failures: unknown[] = [];
      for (let at = 512; at < 2048; at += 13) {
        writeFileSync(file, withBit(tar, at));
        const result = await readSource(file).catch((error: unknown) => error);
        if (result instanceof Error && !(result instanceof BmapError)) failures.push(result);
      }
      expect(failures).toEqual([]);
    }
  });
});

describeWith(ALL_PACKERS, 'zip', () => {
  it.each([
    ['stored', ['-0']],
    ['deflated', ['-9']],
    ['with ZIP64 fields', ['-fz']],
    ['with data descriptors', ['-fd']],
  ])('reads members %s', async (_, options) => {
    const file = makeZip(makeFiles({ 'disk.img': IMAGE }), ['disk.img'], options);
    expect((await readSource(file)).bytes.equals(IMAGE)).toBe(true);
    expect((await readStdin(readFileSync(file))).bytes.equals(IMAGE)).toBe(true);
  });

  it('reads what zip writes into a pipe', async () => {
    const folder = makeFiles({ 'disk.img': IMAGE, 'z.txt': 'x' });
    const script = 'zip -q - disk.img z.txt | cat > piped.zip';
    run('sh', ['-c', script], { cwd: folder });
    const stream = readFileSync(path.join(folder, 'piped.zip'));
    expect(stream.readUInt16LE(6) & 8).toBe(8);
    expect((await readStdin(stream, {}, 100)).bytes.equals(IMAGE)).toBe(true);
    expect((await readSource(path.join(folder, 'piped.zip'))).bytes.equals(IMAGE)).toBe(true);
    await expect(readStdin(stream.subarray(0, -22))).rejects.toThrow(CorruptError);
  });

  it('refuses a stream in which nothing tells where a member ends', async () => {
    const file = makeZip(makeFiles({ 'disk.img': IMAGE }), ['disk.img'], ['-0']);
    const changed = readFileSync(file);
    // The flag that says: CRC and sizes follow the data.
    changed[6]! |= 8;
    changed.fill(0, 14, 26);
    writeFileSync(file, changed);
    await expect(readStdin(readFileSync(file))).rejects.toMatchObject({ kind: 'zip-stream' });
    expect((await readSource(file)).bytes.equals(IMAGE)).toBe(true);
  });

  it('refuses what is encrypted, or compressed by another method', async () => {
    const folder = makeFiles({ 'disk.img': IMAGE });
    const encrypted = makeZip(folder, ['disk.img'], ['-P', 'secret']);
    await expect(readSource(encrypted)).rejects.toMatchObject({ kind: 'zip-encrypted' });
    await expect(readStdin(readFileSync(encrypted))).rejects.toMatchObject({
      kind: 'zip-encrypted',
    });
    const bzipped = makeZip(folder, ['disk.img'], ['-Z', 'bzip2']);
    await expect(readSource(bzipped)).rejects.toMatchObject({ kind: 'zip-method' });
    await expect(readStdin(readFileSync(bzipped))).rejects.toMatchObject({ kind: 'zip-method' });
  });

  it('checks the CRC of every byte', async () => {
    const file = makeZip(makeFiles({ 'disk.img': IMAGE }), ['disk.img'], ['-0']);
    const changed = readFileSync(file);
    changed[200_000]! ^= 1;
    writeFileSync(file, changed);
    await expect(readSource(file)).rejects.toThrow(/CRC/);
    await expect(readStdin(changed)).rejects.toThrow(/CRC/);
  });

  it('refuses a stream whose directory tells something else', async () => {
    const folder = makeFiles({ 'disk.img': IMAGE, 'old.img': OTHER });
    const stream = readFileSync(makeZip(folder, ['disk.img', 'old.img']));
    const [renamed, recounted] = [Buffer.from(stream), Buffer.from(stream)];
    renamed[stream.lastIndexOf('old.img')]! ^= 1;
    recounted[stream.length - 12]! ^= 1;
    for (const changed of [renamed, recounted]) {
      const reading = readStdin(changed, { member: 'disk.img' });
      await expect(reading).rejects.toThrow(/directory at the end/);
    }
  });

  it('never gives other bytes when any bit is wrong', async () => {
    const image = Buffer.concat([Buffer.from([0]), OTHER.subarray(0, 200)]);
    const file = makeZip(makeFiles({ 'disk.img': image }), ['disk.img']);
    const whole = readFileSync(file);
    const wrong: number[] = [];
    for (let at = 0; at < whole.length; at++) {
      const changed = withBit(whole, at);
      writeFileSync(file, changed);
      const fromFile = await readSource(file).catch((error: unknown) => error);
      const fromStream = await readStdin(changed).catch((error: unknown) => error);
      // Without its first four bytes it is no archive for standard input, which has no name.
      const isRaw = at < 4 && isRight(fromStream, changed);
      if (!isRight(fromFile, image) || !(isRaw || isRight(fromStream, image))) wrong.push(at);
    }
    expect(wrong).toEqual([]);
  });
});

/** The right bytes, or an error of ours. */
function isRight(result: unknown, content: Buffer): boolean {
  if (result instanceof BmapError) return true;
  if (result instanceof Error) throw result;
  return (result as ReadSource).bytes.equals(content);
}

function withBit(bytes: Buffer, at: number): Buffer {
  const changed = Buffer.from(bytes);
  changed[at]! ^= 1 << (at % 8);
  return changed;
}
