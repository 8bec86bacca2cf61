import { readdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { XMLValidator } from 'fast-xml-parser';
import { describe, expect, it } from 'vitest';

import { DEMO_IMAGE_BYTES, makeDemoImage } from '../support/demo-image.ts';
import { itWith, requireTools } from '../support/requirements.ts';
import { run, runBmap } from '../support/run.ts';
import { makeScratchFolder } from '../support/scratch.ts';

interface InspectJson {
  readonly imageBytes: number;
  readonly leftOutBytes: number;
  readonly volumes: readonly { readonly filesystems: readonly { readonly type: string }[] }[];
  readonly picture: {
    readonly bytesByKind: Readonly<Record<string, number>>;
    readonly places: readonly {
      readonly name: string;
      readonly startByte: number;
      readonly endByte: number;
      readonly bytesByKind: Readonly<Record<string, number>>;
    }[];
  };
}

function sumOf(bytesByKind: Readonly<Record<string, number>>): number {
  return Object.values(bytesByKind).reduce((sum, bytes) => sum + bytes, 0);
}

describe('bmap inspect', () => {
  it('shows the disk, its table and its filesystems on standard output', () => {
    const { status, stdout, stderr } = runBmap(['inspect', makeDemoImage()]);
    expect(status).toBe(0);
    expect(stderr).toBe('');
    const lines = stdout.split('\n');
    expect(Math.max(...lines.slice(1).map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(stdout).toMatch(/^[A-Za-z?.~-]{80}\n 1=+2=+3=+\n/m);
    expect(stdout).toMatch(/^1 +"esp" +FAT16 "ESP" +16\.0 MiB +70\.0 KiB +15\.9 MiB +15\.9 MiB$/m);
    expect(stdout).toMatch(/^3 +"environment" +unknown +4\.0 MiB +0 bytes$/m);
    expect(stdout).toMatch(/^ {2}uuid +6a1f0e52-7f5e-4b6e-9d3b-00000000e4f4$/m);
    expect(stdout).toMatch(/^ {2}features +has_journal ext_attr/m);
    expect(stdout).toMatch(/^left out 47\.8 MiB of 64\.0 MiB \(74\.7%\)$/m);
  });

  it('tells programs the same as scan, and bytes by kind that add up', () => {
    const image = makeDemoImage();
    const { picture, ...report } = JSON.parse(
      runBmap(['inspect', '--json', image]).stdout,
    ) as InspectJson;
    expect(report).toEqual(JSON.parse(runBmap(['scan', '--json', image]).stdout));
    expect(sumOf(picture.bytesByKind)).toBe(DEMO_IMAGE_BYTES);
    expect(picture.bytesByKind['left-out']).toBe(report.leftOutBytes);
    expect(picture.places.map(({ name }) => name)).toEqual([1, 2, 3].map((n) => `partition ${n}`));
    for (const { startByte, endByte, bytesByKind } of picture.places) {
      expect(sumOf(bytesByKind)).toBe(endByte - startByte);
    }
  });

  it('writes well-formed files, and leaves nothing else behind', () => {
    const image = makeDemoImage();
    const folder = path.dirname(image);
    const before = readFileSync(image);
    const svg = path.join(folder, 'disk.svg');
    const html = path.join(folder, 'disk.html');
    const { status, stdout } = runBmap(['inspect', '--svg', svg, '--html', html, image]);
    expect(status).toBe(0);
    expect(stdout).toContain('left out 47.8 MiB');
    for (const file of [svg, html]) {
      expect(XMLValidator.validate(readFileSync(file, 'utf8'))).toBe(true);
    }
    expect(readdirSync(folder).toSorted()).toEqual(['demo.img', 'disk.html', 'disk.svg']);
    expect(readFileSync(image).equals(before)).toBe(true);
  });

  it('refuses to write over the image, or both files into one', () => {
    const image = makeDemoImage();
    const link = path.join(path.dirname(image), 'link');
    symlinkSync(image, link);
    for (const option of ['--svg', '--html']) {
      expect(runBmap(['inspect', option, link, image])).toMatchObject({ status: 2, stdout: '' });
    }
    const other = path.join(path.dirname(image), 'other');
    const { status, stderr } = runBmap(['inspect', '--svg', other, '--html', other, image]);
    expect(status).toBe(2);
    expect(stderr).toContain('same file');
  });

  it('shows an image that nothing is known of', () => {
    const image = path.join(makeScratchFolder(), 'noise.img');
    writeFileSync(image, Buffer.alloc(5000, 0x5a));
    const { status, stdout } = runBmap(['inspect', image]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^\?{80}$/m);
    expect(stdout).toMatch(/^whole image +unknown +4\.9 KiB +0 bytes$/m);
  });

  itWith(requireTools('script'), 'colours a terminal, but not with NO_COLOR', () => {
    const image = makeDemoImage();
    const command = `stty cols 100; exec ${process.execPath} dist/bin/bmap.js inspect ${image}`;
    const inTerminal = (env: Readonly<Record<string, string>>) =>
      run('script', ['-qec', command, '/dev/null'], {
        env: { TERM: 'xterm-256color', ...env },
      }).replaceAll('\r', '');
    const colored = inTerminal({ NO_COLOR: '' });
    const plain = inTerminal({ NO_COLOR: '1' });
    expect(colored).toContain('\u001b[0;48;5;162;38;5;15mJ');
    expect(plain).not.toContain('\u001b');
    expect(plain).toMatch(/^[A-Za-z?.~-]{100}$/m);
    expect(inTerminal({ NO_COLOR: '', TERM: 'dumb' })).toBe(plain);
  });

  itWith(requireTools('sfdisk', 'mke2fs'), 'is quick and small on 2 TiB with 40 partitions', () => {
    const folder = makeScratchFolder();
    const image = path.join(folder, 'large.img');
    writeFileSync(image, '');
    truncateSync(image, 2 * 2 ** 40);
    const partitions = Array.from({ length: 40 }, (_, n) => `size=40GiB, name="part ${n + 1}"`);
    run('sfdisk', ['-q', image], { input: ['label: gpt', ...partitions].join('\n') });
    const offset = 2048 * 512;
    run('mke2fs', ['-q', '-F', '-t', 'ext4', '-E', `offset=${offset}`, image, `${40 * 2 ** 20}k`]);
    const html = path.join(folder, 'large.html');
    const { status, stdout } = runBmap(['inspect', '--html', html, image]);
    expect(status).toBe(0);
    expect(
      Math.max(
        ...stdout
          .split('\n')
          .slice(1)
          .map((line) => line.length),
      ),
    ).toBe(80);
    expect(stdout).toMatch(/^1=?2/m);
    expect(stdout).toMatch(/^40 +"part 40"/m);
    expect(readFileSync(html).length).toBeLessThan(512 * 1024);
  });
});
