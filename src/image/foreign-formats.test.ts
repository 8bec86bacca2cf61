import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

import { describeWith, requireTools } from '../../test/support/requirements.ts';
import { run } from '../../test/support/run.ts';
import { makeScratchFolder } from '../../test/support/scratch.ts';
import { FileReader } from './file-reader.ts';
import { rejectForeignFormat } from './foreign-formats.ts';
import { MemoryReader } from './memory-reader.ts';

function reject(file: string): () => void {
  return () => {
    const reader = new FileReader(file);
    try {
      rejectForeignFormat(reader, file);
    } finally {
      reader.close();
    }
  };
}

function makeRaw(): string {
  const raw = path.join(makeScratchFolder(), 'disk.img');
  writeFileSync(raw, Buffer.alloc(2 * 1024 * 1024, 'disk '));
  return raw;
}

describeWith(requireTools('qemu-img'), 'disk formats of virtual machines', () => {
  it.each([
    ['qcow2', 'qcow2', []],
    ['vmdk', 'VMDK', []],
    ['vmdk', 'VMDK', ['-o', 'subformat=monolithicFlat']],
    ['vdi', 'VDI', []],
    ['vhdx', 'VHDX', []],
    ['vpc', 'VHD', []],
    ['vpc', 'VHD', ['-o', 'subformat=fixed']],
  ] as const)('names %s as %s and the way out', (format, name, args) => {
    const raw = makeRaw();
    const file = raw.replace('disk.img', `disk.${format}`);
    run('qemu-img', ['convert', '-f', 'raw', '-O', format, ...args, raw, file]);
    const expected = { code: 'BMAP_UNSUPPORTED', kind: 'disk-format' };
    expect(reject(file)).toThrow(expect.objectContaining(expected));
    expect(reject(file)).toThrow(
      new RegExp(`this is a ${name} file.*qemu-img convert.*disk\\.raw`),
    );
    expect(reject(raw)).not.toThrow();
  });
});

describeWith(requireTools('xz', 'bzip2', 'zstd', 'lz4', 'lzop', 'gzip'), 'compressed files', () => {
  it.each(['gzip', 'bzip2', 'xz', 'zstd', 'lz4', 'lzop'])('names what %s made', (tool) => {
    const raw = makeRaw();
    const file = `${raw}.packed`;
    run('sh', ['-c', '"$1" -c "$2" > "$3"', 'sh', tool, raw, file]);
    expect(reject(file)).toThrow(expect.objectContaining({ kind: 'compressed' }));
    expect(reject(file)).toThrow(`> ${raw}`);
  });
});

describe('rejectForeignFormat', () => {
  function rejectBytes(bytes: Uint8Array): () => void {
    return () => rejectForeignFormat(new MemoryReader(bytes), 'some.img');
  }

  it('knows the marks that stand at the end of the file', () => {
    const bytes = new Uint8Array(2048);
    bytes.set(new TextEncoder().encode('koly'), 2048 - 512);
    expect(rejectBytes(bytes)).toThrow(/Apple disk image/);
    bytes.set(new TextEncoder().encode('none'), 2048 - 512);
    expect(rejectBytes(bytes)).not.toThrow();
  });

  it('knows an Android sparse image', () => {
    expect(rejectBytes(Uint8Array.of(0x3a, 0xff, 0x26, 0xed, 1, 0, 0, 0))).toThrow(/simg2img/);
  });

  it('knows a block map', () => {
    const map = '<?xml version="1.0" ?>\n<!-- a comment -->\n\n<bmap version="2.0">\n';
    expect(rejectBytes(new TextEncoder().encode(map))).toThrow(
      expect.objectContaining({ code: 'BMAP_USAGE', kind: 'bmap-as-image' }),
    );
    expect(rejectBytes(new TextEncoder().encode('<?xml version="1.0"?><svg/>'))).not.toThrow();
  });

  it('writes the names of files so that they can be typed', () => {
    const bytes = Uint8Array.of(0x1f, 0x8b, 8, 0);
    const file = "my $& disk's.img.gz";
    expect(() => rejectForeignFormat(new MemoryReader(bytes), file)).toThrow(
      `gzip -dc 'my $& disk'\\''s.img.gz' > 'my $& disk'\\''s.img'`,
    );
  });

  it('is content with the shortest of files', () => {
    expect(rejectBytes(new Uint8Array(1))).not.toThrow();
  });
});
