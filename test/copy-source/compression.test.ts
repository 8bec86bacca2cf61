/** Every compression, made by its own program: whole, in parts, cut anywhere, one bit wrong. */
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, expect, it, onTestFinished } from 'vitest';

import { BmapError, CorruptError, SystemError } from '../../src/errors/errors.ts';
import { nativeDecode } from '../../src/copy/source/decode/native-stream.ts';
import { openSource } from '../../src/copy/source/open-source.ts';
import { StreamReader } from '../../src/copy/source/stream-reader.ts';
import { ALL_PACKERS, makeFiles, makeTar, pack, PACKERS } from '../support/packers.ts';
import { SeededRandom } from '../support/random.ts';
import { readSource, readStdin } from '../support/read-source.ts';
import { describeWith, requireRoot, requireTools } from '../support/requirements.ts';
import { run } from '../support/run.ts';
import { makeScratchFolder } from '../support/scratch.ts';

/** No multiple of any block size; noise, zeros and repetition, so that all kinds of blocks occur. */
const IMAGE = Buffer.concat([
  new SeededRandom(1).bytes(700_000),
  Buffer.alloc(1_500_000),
  Buffer.from('abcdefgh'.repeat(100_000)),
  new SeededRandom(2).bytes(123_457),
]);

/** So small that every place of the file can be tried. */
const SMALL = Buffer.concat([new SeededRandom(3).bytes(300), Buffer.alloc(700)]);

const CONTEXT = {
  env: undefined,
  signal: new AbortController().signal,
  onDebug: () => {},
  onFinding: () => {},
};

function writeScratch(name: string, bytes: Uint8Array): string {
  const file = path.join(makeScratchFolder(), name);
  writeFileSync(file, bytes);
  return file;
}

describeWith(ALL_PACKERS, 'compressed images', () => {
  describe.each(PACKERS)('$ending', (packer) => {
    const name = `disk.img.${packer.ending}`;

    it('is read from a file, as often as one likes', async () => {
      const source = await openSource(writeScratch(name, pack(packer, IMAGE)));
      try {
        for (let round = 0; round < 2; round++) {
          const pieces: Uint8Array[] = [];
          for await (const piece of source.chunks(new AbortController().signal))
            pieces.push(Uint8Array.from(piece));
          expect(Buffer.concat(pieces).equals(IMAGE)).toBe(true);
        }
      } finally {
        await source.close();
      }
    });

    it('is read from standard input, in pieces of any size', async () => {
      const packed = pack(packer, IMAGE);
      expect((await readStdin(packed)).bytes.equals(IMAGE)).toBe(true);
      expect((await readStdin(pack(packer, SMALL), {}, 1)).bytes).toEqual(SMALL);
    });

    it('is read from several parts joined', async () => {
      const parts = [IMAGE.subarray(0, 1), IMAGE.subarray(1, 1_000_001), IMAGE.subarray(1_000_001)];
      const packed = Buffer.concat(parts.map((part) => pack(packer, part)));
      expect((await readSource(writeScratch(name, packed))).bytes.equals(IMAGE)).toBe(true);
      expect((await readStdin(packed, {}, 777)).bytes.equals(IMAGE)).toBe(true);
    });

    it('is read by its program where no library can be called', async () => {
      const decode = async (program: string, bytes: Uint8Array): Promise<Buffer> => {
        const noLibrary = (): never => {
          throw new SystemError('no-native', undefined, 'not here');
        };
        const means = { name: program, args: ['-dc'], debianPackage: 'some-package' };
        const context = { ...CONTEXT, structure: name };
        const reader = new StreamReader(toStream(bytes));
        const pieces: Uint8Array[] = [];
        for await (const piece of nativeDecode(noLibrary, means)(reader, context)) {
          pieces.push(Uint8Array.from(piece));
        }
        return Buffer.concat(pieces);
      };
      const packed = pack(packer, IMAGE);
      expect((await decode(packer.program, packed)).equals(IMAGE)).toBe(true);
      const cut = packed.subarray(0, packed.length / 2);
      await expect(decode(packer.program, cut)).rejects.toThrow(CorruptError);
      await expect(decode('no-such-program', packed)).rejects.toThrow(
        /apt-get install some-package/,
      );
    });

    it.each([
      ['cut at half', (bytes: Buffer) => bytes.subarray(0, bytes.length / 2)],
      ['without its last 20 bytes', (bytes: Buffer) => bytes.subarray(0, -20)],
      ['with a bit wrong', (bytes: Buffer) => withBit(bytes, bytes.length >> 1, 3)],
      ['with something behind it', (bytes: Buffer) => Buffer.concat([bytes, Buffer.from('more')])],
    ])('is refused %s', async (_, damage) => {
      const packed = damage(pack(packer, IMAGE));
      await expect(readSource(writeScratch(name, packed))).rejects.toThrow(CorruptError);
      await expect(readStdin(packed)).rejects.toThrow(CorruptError);
    });

    it('is refused when cut at any byte', async () => {
      const packed = pack(packer, SMALL);
      const file = writeScratch(name, packed);
      expect((await readSource(file)).bytes).toEqual(SMALL);
      const passed: number[] = [];
      for (let length = 0; length < packed.length; length++) {
        writeFileSync(file, packed.subarray(0, length));
        const result = await readSource(file).catch((error: unknown) => error);
        if (!(result instanceof CorruptError)) passed.push(length);
      }
      expect(passed).toEqual([]);
    });

    it('never gives other bytes when any bit is wrong', async () => {
      const packed = pack(packer, SMALL);
      const file = writeScratch(name, packed);
      const wrong: number[] = [];
      let refused = 0;
      for (let at = 0; at < packed.length; at++) {
        writeFileSync(file, withBit(packed, at, at % 8));
        const result = await readSource(file).catch((error: unknown) => error);
        if (result instanceof BmapError) refused++;
        // Names and times in headers are covered by no checksum in some formats.
        else if (
          !('bytes' in (result as object)) ||
          !(result as { bytes: Buffer }).bytes.equals(SMALL)
        )
          wrong.push(at);
      }
      expect(wrong).toEqual([]);
      expect(refused).toBeGreaterThan(packed.length * 0.8);
    });
  });

  describe.each(PACKERS)('tar.$ending', (packer) => {
    it('gives the member, and is refused when cut at any place', async () => {
      const folder = makeFiles({ 'disk.img': IMAGE, 'disk.img.bmap': '<?xml ?>' });
      const packed = pack(packer, readFileSync(makeTar(folder, ['disk.img.bmap', 'disk.img'])));
      const file = writeScratch(`disk.tar.${packer.ending}`, packed);
      expect((await readSource(file)).bytes.equals(IMAGE)).toBe(true);
      expect((await readSource(file)).sizeBytes).toBe(IMAGE.length);
      expect((await readStdin(packed)).bytes.equals(IMAGE)).toBe(true);
      for (const length of [packed.length - 20, packed.length - 1, packed.length >> 1]) {
        writeFileSync(file, packed.subarray(0, length));
        await expect(readSource(file)).rejects.toThrow(CorruptError);
        await expect(readStdin(packed.subarray(0, length))).rejects.toThrow(CorruptError);
      }
    });
  });

  it.each(PACKERS)('reads $ending of many pieces', async (packer) => {
    const image = Buffer.alloc(18_000_000);
    // Every page is another one, and small when packed.
    for (let at = 0; at < image.length; at += 4096) image.writeUInt32LE(at, at);
    const file = writeScratch(`disk.img.${packer.ending}`, pack(packer, image));
    expect((await readSource(file)).bytes.equals(image)).toBe(true);
  });

  it('takes padding between and behind streams of xz', async () => {
    const packer = PACKERS.find(({ ending }) => ending === 'xz')!;
    const stream = pack(packer, SMALL);
    const packed = Buffer.concat([stream, Buffer.alloc(8), stream, Buffer.alloc(4)]);
    expect((await readStdin(packed)).bytes).toEqual(Buffer.concat([SMALL, SMALL]));
    const odd = Buffer.concat([stream, Buffer.alloc(3)]);
    await expect(readStdin(odd)).rejects.toThrow(CorruptError);
  });

  it('reads files of several blocks of xz with several threads', async () => {
    const args = ['-c', '-T2', '--block-size=1MiB'];
    const packed = pack({ ending: 'xz', program: 'xz', args }, IMAGE);
    expect((await readStdin(packed)).bytes.equals(IMAGE)).toBe(true);
    const damaged = withBit(packed, packed.length >> 2, 1);
    await expect(readStdin(damaged)).rejects.toThrow(CorruptError);
  });

  it.each(['zst', 'lz4'])(
    'steps over skippable frames in %s, wherever they are',
    async (ending) => {
      const frame = pack(
        PACKERS.find((packer) => packer.ending === ending)!,
        SMALL,
      );
      const skipped = Buffer.from('502a4d1805000000aabbccddee', 'hex');
      const packed = Buffer.concat([skipped, frame, skipped, frame, skipped]);
      expect((await readStdin(packed)).bytes).toEqual(Buffer.concat([SMALL, SMALL]));
      await expect(readStdin(packed.subarray(0, -2))).rejects.toThrow(CorruptError);
    },
  );

  it('reads windows of zstd that need --long=31', async () => {
    const args = ['-cq', '--long=31', '--ultra'];
    const packed = pack({ ending: 'zst', program: 'zstd', args }, IMAGE);
    expect((await readStdin(packed)).bytes.equals(IMAGE)).toBe(true);
  });

  it('takes zeros behind gzip as padding, and nothing else', async () => {
    const packed = pack(PACKERS[0]!, IMAGE);
    const padded = Buffer.concat([packed, Buffer.alloc(10_000)]);
    expect((await readStdin(padded)).bytes.equals(IMAGE)).toBe(true);
    const hidden = Buffer.concat([packed, Buffer.alloc(512), packed]);
    await expect(readStdin(hidden)).rejects.toMatchObject({ kind: 'trailing-garbage' });
  });

  it('reads many members of gzip that end at every place of a piece', async () => {
    const member = pack(PACKERS[0]!, SMALL);
    const packed = Buffer.concat(Array.from({ length: 20 }, () => member));
    const expected = Buffer.concat(Array.from({ length: 20 }, () => SMALL));
    for (const pieceBytes of [1, member.length - 1, member.length, member.length + 1, 4096]) {
      expect((await readStdin(packed, {}, pieceBytes)).bytes).toEqual(expected);
    }
  });

  it.each([
    ['with CRC-32 instead of Adler-32', ['-c', '--crc32']],
    ['by the slow compressor', ['-c', '-9']],
    ['by the other fast compressor', ['-c', '-1']],
    ['without checksums', ['-cF']],
  ])('reads lzop %s', async (_, args) => {
    const packed = pack({ ending: 'lzo', program: 'lzop', args }, IMAGE);
    expect((await readStdin(packed)).bytes.equals(IMAGE)).toBe(true);
  });

  it('checks each block of lzop, also where all are the same', async () => {
    const packed = pack(
      PACKERS.find(({ ending }) => ending === 'lzo')!,
      Buffer.alloc(2 ** 20),
    );
    expect((await readStdin(packed)).bytes).toEqual(Buffer.alloc(2 ** 20));
    // Each block starts with 2^18, what it becomes; behind its length in the file stands its checksum.
    const blockStart = Buffer.from('00040000', 'hex');
    const starts: number[] = [];
    for (let at = -1; (at = packed.indexOf(blockStart, at + 1)) !== -1;) starts.push(at);
    expect(starts.length).toBe(4);
    for (const start of starts) {
      await expect(readStdin(withBit(packed, start + 11, 0))).rejects.toMatchObject({
        kind: 'damaged',
        place: { startByte: start },
      });
    }
  });

  it('stops within a second', async () => {
    const args = ['-c', '-9'];
    const stream = pack({ ending: 'bz2', program: 'bzip2', args }, new SeededRandom(4).bytes(2e6));
    // Takes 3 seconds.
    const packed = Buffer.concat(Array.from({ length: 50 }, () => stream));
    const source = await openSource(writeScratch('disk.bz2', packed));
    const control = new AbortController();
    const reading = (async () => {
      for await (const piece of source.chunks(control.signal)) void piece;
    })();
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
    const started = Date.now();
    control.abort(new Error('enough'));
    await expect(reading).rejects.toThrow('enough');
    await source.close();
    expect(Date.now() - started).toBeLessThan(1000);
  });
});

describeWith(ALL_PACKERS, 'names and contents', () => {
  it('takes the content for what it is, and says so', async () => {
    const packed = pack(PACKERS[0]!, SMALL);
    const { bytes, findings } = await readSource(writeScratch('disk.img.xz', packed));
    expect(bytes).toEqual(SMALL);
    expect(findings.map(({ code }) => code)).toEqual(['source.name']);
    expect((await readSource(writeScratch('disk.img.GZ', packed))).findings).toEqual([]);
  });

  it.each(['gz', 'bz2', 'xz', 'zst', 'lz4', 'lzo', 'zip', 'tar', 'tgz', 'tar.gz'])(
    'does not write what is named .%s and is something else',
    async (ending) => {
      const file = writeScratch(`disk.${ending}`, IMAGE.subarray(0, 10_000));
      await expect(readSource(file)).rejects.toMatchObject({ kind: 'not-as-named' });
    },
  );

  it('refuses an archive that is none below its compression', async () => {
    const file = writeScratch('disk.tar.gz', pack(PACKERS[0]!, IMAGE));
    await expect(readSource(file)).rejects.toMatchObject({ kind: 'not-as-named' });
  });

  it.each([
    ['gzip', '1f8b08e0'],
    ['bzip2', '425a683931415926535a'],
    ['lz4', '04224d18ff'],
    ['noise', '00112233'],
  ])('does not take a raw image for %s', async (_, start) => {
    const image = Buffer.concat([Buffer.from(start, 'hex'), Buffer.alloc(5000, 7)]);
    const file = writeScratch('disk.img', image);
    expect((await readSource(file)).bytes).toEqual(image);
    expect((await readStdin(image)).bytes).toEqual(image);
  });

  it('refuses what is compressed twice', async () => {
    const packed = pack(PACKERS[0]!, pack(PACKERS[0]!, SMALL));
    await expect(readStdin(packed)).rejects.toMatchObject({ kind: 'nested' });
  });

  it('refuses at once, though more could come', async () => {
    const stdin = new PassThrough();
    stdin.write(pack(PACKERS[0]!, pack(PACKERS[0]!, IMAGE)).subarray(0, -1000));
    await expect(openSource('-', { stdin })).rejects.toMatchObject({ kind: 'nested' });
    expect(stdin.destroyed).toBe(true);
  });

  it.each([
    ['a block map', '<?xml version="1.0" ?>\n<!-- x -->\n<bmap version="2.0">', 'bmap-as-image'],
    ['a page of text', '<!DOCTYPE html><html>not found</html>', 'web-page'],
    ['nothing', '', 'empty-image'],
  ])('refuses %s as image', async (_, text, kind) => {
    await expect(readSource(writeScratch('disk.img', Buffer.from(text)))).rejects.toMatchObject({
      kind,
    });
    await expect(readStdin(pack(PACKERS[0]!, Buffer.from(text)))).rejects.toMatchObject({ kind });
  });
});

describeWith(requireTools('gzip'), 'raw images', () => {
  it('are read from files, pipes and standard input', async () => {
    const file = writeScratch('disk.img', IMAGE);
    const source = await openSource(file);
    expect(source.sizeBytes).toBe(IMAGE.length);
    expect(source.fileDescriptor).toBeTypeOf('number');
    await source.close();
    await source.close();
    expect((await readSource(`file://${file}`)).bytes.equals(IMAGE)).toBe(true);
    expect((await readStdin(IMAGE)).bytes.equals(IMAGE)).toBe(true);
  });

  it('say what cannot be read', async () => {
    await expect(readSource('/no/such/file')).rejects.toMatchObject({ kind: 'ENOENT' });
    await expect(readSource(makeScratchFolder())).rejects.toMatchObject({ kind: 'EISDIR' });
    await expect(readSource('gopher://host/x')).rejects.toMatchObject({ kind: 'unknown-scheme' });
    await expect(readSource('http://user:secret@[bad/')).rejects.not.toThrow(/secret/);
  });

  it('come through a named pipe, however late', async () => {
    const pipe = path.join(makeScratchFolder(), 'pipe');
    run('mkfifo', [pipe]);
    const reading = readSource(pipe);
    const writer = spawn('sh', ['-c', 'sleep 0.2; gzip -c > "$0"', pipe], {
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    writer.stdin.end(IMAGE);
    expect((await reading).bytes.equals(IMAGE)).toBe(true);
  });

  it('are not waited for any longer than wanted', async () => {
    const pipe = path.join(makeScratchFolder(), 'pipe');
    run('mkfifo', [pipe]);
    const control = new AbortController();
    setTimeout(() => control.abort(new Error('enough')), 50);
    await expect(openSource(pipe, { signal: control.signal })).rejects.toThrow('enough');
  });
});

describeWith([...requireRoot(), ...requireTools('losetup', 'gzip')], 'block devices', () => {
  it('are read as they are, whatever they start with', async () => {
    const content = Buffer.concat([pack(PACKERS[0]!, SMALL), Buffer.alloc(1 << 20)]).subarray(
      0,
      1 << 20,
    );
    const file = writeScratch('disk.img', content);
    const device = run('losetup', ['--find', '--show', file]).trim();
    onTestFinished(() => void run('losetup', ['--detach', device]));
    const { bytes, sizeBytes } = await readSource(device);
    expect(sizeBytes).toBe(content.length);
    expect(bytes.equals(content)).toBe(true);
  });
});

function withBit(bytes: Buffer, at: number, bit: number): Buffer {
  const changed = Buffer.from(bytes);
  changed[at]! ^= 1 << bit;
  return changed;
}

async function* toStream(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 65536) yield bytes.subarray(at, at + 65536);
}
