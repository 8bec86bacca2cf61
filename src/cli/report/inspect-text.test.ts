import { describe, expect, it } from 'vitest';

import { makeReport, makeRuns, type MadeDisk } from '../../../test/support/made-report.ts';
import { buildPicture } from '../../inspect/disk-picture.ts';
import { textWidth } from '../../inspect/text-width.ts';
import { RangeSet } from '../../ranges/range-set.ts';
import { formatInspectLines } from './inspect-text.ts';

const MIB = 1024 * 1024;
const TIB = 2 ** 40;
// eslint-disable-next-line no-control-regex -- the sequences are what is looked for
const COLORS = /\u001b\[[\d;]+m/g;

function inspect(disk: MadeDisk, columns = 80, useColor = false): readonly string[] {
  return formatInspectLines('disk.img', buildPicture(makeReport(disk)), { columns, useColor });
}

function makeDisk(partitionCount: number, imageBytes: number): MadeDisk {
  const stepBytes = Math.floor(imageBytes / (partitionCount + 1) / MIB) * MIB;
  const partitions = Array.from({ length: partitionCount }, (_, index) => {
    const startByte = MIB + index * stepBytes;
    const range = { startByte, endByte: startByte + stepBytes };
    const used = {
      data: makeRuns(range, 100, 4096),
      journal: RangeSet.of({ startByte, endByte: startByte + 65_536 }),
    };
    const facts = {
      state: 'clean' as const,
      features: Array.from({ length: 30 }, (_v, n) => `feature_${n}`),
    };
    const filesystems = index % 3 === 2 ? [] : [{ label: `system ${index}`, used, facts }];
    return { ...range, name: `partition of number ${index}`, filesystems };
  });
  const text = `partition 1: ${'a long finding '.repeat(20)}`;
  return { imageBytes, partitions, findings: [{ level: 'warning', code: 'made.up', text }] };
}

describe('the picture in a terminal', () => {
  it.each([
    [1, 64 * MIB],
    [40, 16 * 1024 * MIB],
    [40, 2 * TIB],
    [256, 2 * TIB],
  ])('with %d partitions on %d bytes fits into 80 columns', (count, imageBytes) => {
    const lines = inspect(makeDisk(count, imageBytes));
    expect(Math.max(...lines.map(textWidth))).toBe(80);
    expect(lines[2]).toHaveLength(80);
    for (let number = 1; number <= count; number++) {
      expect(lines.filter((line) => line.startsWith(`partition ${number}:`))).toHaveLength(1);
      expect(lines.filter((line) => new RegExp(`^${number} +"`).test(line))).toHaveLength(1);
    }
  });

  it('uses the width of the terminal, within reason', () => {
    expect(inspect(makeDisk(2, TIB), 132)[2]).toHaveLength(132);
    expect(inspect(makeDisk(2, TIB), 10_000)[2]).toHaveLength(160);
    const narrow = inspect(makeDisk(2, TIB), 1);
    expect(narrow[narrow.indexOf('') + 1]).toHaveLength(40);
  });

  it('says the same without colours as with them', () => {
    const plain = inspect(makeDisk(3, TIB));
    const colored = inspect(makeDisk(3, TIB), 80, true);
    expect(plain.join('\n')).not.toMatch(COLORS);
    expect(colored.map((line) => line.replaceAll(COLORS, ''))).toEqual(plain);
    expect(colored[2]).toMatch(COLORS);
    // A sequence for each run of one look, and one at the end.
    const looks = plain[2]!.match(/(.)\1*/g)!;
    expect(colored[2]!.match(COLORS)).toHaveLength(looks.length + 1);
    const painted = colored.filter((line) => line.includes('\u001b'));
    expect(painted.every((line) => line.includes('\u001b[0m'))).toBe(true);
  });

  it('tells kinds by letters, and names every letter it shows', () => {
    const lines = inspect(makeDisk(3, 100 * MIB));
    const letters = new Set(lines[2]!.toUpperCase());
    expect(letters.size).toBeGreaterThan(3);
    const legend = lines.slice(4, lines.indexOf('', 4)).join('  ');
    for (const letter of letters) expect(`  ${legend}`).toContain(`  ${letter} `);
  });

  it('escapes what the image says', () => {
    const hostile = '\u001b[2J\r\n\u202e\u009b\\';
    const lines = inspect({
      imageBytes: 8 * MIB,
      partitions: [
        {
          startByte: MIB,
          endByte: 4 * MIB,
          name: hostile,
          filesystems: [
            {
              type: 'ext4',
              label: hostile,
              uuid: hostile,
              facts: { state: 'clean', features: [hostile] },
            },
          ],
        },
      ],
      findings: [{ level: 'error', code: 'made.up', text: hostile }],
    });
    expect(lines.join('')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    expect(lines.join('\n')).toContain(String.raw`\x1b[2J\x0d\x0a\u{202e}\x9b`);
  });

  it('keeps columns straight behind wide characters', () => {
    const filesystems = (label: string) => [{ label }];
    const lines = inspect({
      imageBytes: 8 * MIB,
      partitions: [
        { startByte: 0, endByte: 4 * MIB, name: '日本語', filesystems: filesystems('データ') },
        { startByte: 4 * MIB, endByte: 8 * MIB, name: 'plain', filesystems: filesystems('data') },
      ],
    });
    const rows = lines.filter((line) => /^[12] /.test(line));
    expect(rows).toHaveLength(2);
    expect(textWidth(rows[0]!)).toBe(textWidth(rows[1]!));
  });

  it('draws an image without partitions once', () => {
    const used = { data: RangeSet.of({ startByte: 0, endByte: 4 * MIB }) };
    const lines = inspect({ imageBytes: 8 * MIB, filesystems: [{ used }] });
    expect(lines.filter((line) => /^ *D+\.+$/.test(line))).toEqual([
      `${'D'.repeat(40)}${'.'.repeat(40)}`,
    ]);
  });

  it('shows an image of one byte', () => {
    const lines = inspect({ imageBytes: 1 });
    expect(lines[0]).toBe('disk.img: 1 byte, no partition table');
    expect(lines[2]).toBe('?');
    expect(lines).toContain('whole image');
  });
});
