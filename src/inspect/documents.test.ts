/** The two kinds of files: that they are well-formed, safe whatever the image says, and small. */
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { describe, expect, it } from 'vitest';

import { makeReport, makeRuns, type MadeDisk } from '../../test/support/made-report.ts';
import { RangeSet } from '../ranges/range-set.ts';
import { buildPicture, type DiskPicture } from './disk-picture.ts';
import { formatHtml } from './html-page.ts';
import { KIND_STYLES } from './picture-kinds.ts';
import { formatSvg } from './svg-drawing.ts';

const BLOCK = 4096;
const MIB = 1024 * 1024;
const HOSTILE = `</title></style></svg><script>alert("1")</script>'&amp;\u0000\u001b[31m\ud800\u202e\uffff`;

const FORMATS: readonly (readonly [string, (name: string, picture: DiskPicture) => string])[] = [
  ['SVG', formatSvg],
  ['HTML', formatHtml],
];

function makePlain(): MadeDisk {
  return {
    imageBytes: 64 * MIB,
    tableRanges: [{ startByte: 0, endByte: 17_408 }],
    partitions: [
      {
        startByte: MIB,
        endByte: 33 * MIB,
        name: 'root',
        filesystems: [
          {
            label: 'system',
            uuid: '6a1f0e52-7f5e-4b6e-9d3b-00000000e4f4',
            facts: { state: 'replayed', freeBytes: 5 * MIB, features: ['extent', '64bit'] },
            used: { data: RangeSet.of({ startByte: MIB, endByte: 3 * MIB }) },
          },
        ],
      },
      { startByte: 33 * MIB, endByte: 40 * MIB },
    ],
    findings: [{ level: 'warning', code: 'made.up', text: 'partition 1: is made up' }],
  };
}

function makeHostile(): MadeDisk {
  const made = { type: 'ext4', label: HOSTILE, uuid: HOSTILE };
  const facts = { state: 'clean' as const, features: [HOSTILE] };
  return {
    imageBytes: 4 * MIB,
    partitions: [
      { startByte: 0, endByte: 4 * MIB, name: HOSTILE, filesystems: [{ ...made, facts }] },
    ],
    findings: [{ level: 'error', code: HOSTILE, text: HOSTILE }],
  };
}

/** Every column of every picture differs from its neighbour. */
function makeCrowded(partitionCount: number, runCount: number): MadeDisk {
  const imageBytes = 2 * 2 ** 40;
  const stepBytes = Math.floor(imageBytes / partitionCount / MIB) * MIB;
  const partitions = Array.from({ length: partitionCount }, (_, index) => {
    const range = { startByte: index * stepBytes, endByte: (index + 1) * stepBytes };
    const used = {
      data: makeRuns(range, runCount, BLOCK),
      directory: makeRuns(range, runCount - 7, BLOCK).shift(BLOCK),
      bitmap: makeRuns(range, runCount - 13, BLOCK).shift(3 * BLOCK),
    };
    return { ...range, name: 'x'.repeat(36), filesystems: [{ label: 'y'.repeat(255), used }] };
  });
  return { imageBytes, partitions };
}

function pictureOf(disk: MadeDisk): DiskPicture {
  return buildPicture(makeReport(disk));
}

describe.each(FORMATS)('%s', (_format, format) => {
  it('is well-formed XML', () => {
    expect(XMLValidator.validate(format('plain.img', pictureOf(makePlain())))).toBe(true);
    expect(XMLValidator.validate(format('plain.img', pictureOf({ imageBytes: 1 })))).toBe(true);
  });

  it('escapes all text of the image', () => {
    const text = format(HOSTILE, pictureOf(makeHostile()));
    expect(XMLValidator.validate(text)).toBe(true);
    const names = new Set([...text.matchAll(/<([a-z]\w*)/gi)].map((match) => match[1]!));
    expect([...names].filter((name) => /script|iframe|object|img|foreign/i.test(name))).toEqual([]);
    // Controls and lone surrogates, which XML forbids, and what turns the direction of text.
    expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cs}\u202a-\u202e\ufffe\uffff]/u);
    expect(text).toContain('&lt;script&gt;');
    expect(text).toContain('\\u{202e}');
    const parsed = new XMLParser({ ignoreAttributes: false }).parse(text) as object;
    expect(JSON.stringify(parsed)).not.toMatch(/"script"/);
  });

  it('fetches and runs nothing', () => {
    const text = format('plain.img', pictureOf(makePlain()));
    const addresses = [...text.matchAll(/(?:href|src)="([^"]*)"|url\(([^)]*)\)/g)];
    expect(addresses.length).toBeGreaterThan(0);
    for (const [, href, url] of addresses) expect(href ?? url).toMatch(/^#[\w-]+$/);
    expect(text).not.toMatch(/<script|\son\w+=|@import|javascript:/i);
  });

  it('links to places that are in it, and names each once', () => {
    const text = format('plain.img', pictureOf(makePlain()));
    const ids = [...text.matchAll(/\sid="([^"]+)"/g)].map((match) => match[1]!);
    expect(new Set(ids).size).toBe(ids.length);
    const targets = [...text.matchAll(/(?:href="|url\()#([\w-]+)/g)].map((match) => match[1]!);
    expect(targets.filter((target) => !ids.includes(target))).toEqual([]);
    expect(targets.filter((target) => target.startsWith('place-')).length).toBeGreaterThan(1);
  });

  it('draws partitions to scale', () => {
    const text = format('plain.img', pictureOf(makePlain()));
    const tracks = [...text.matchAll(/class="partition" x="([\d.]+)" y="\d+" width="([\d.]+)"/g)];
    const [[x1, width1], [x2, width2]] = tracks.map((match) => [+match[1]!, +match[2]!]) as [
      [number, number],
      [number, number],
    ];
    const paper = /class="k-left-out" x="([\d.]+)" y="\d+" width="([\d.]+)"/.exec(text)!;
    const [left, width] = [Number(paper[1]), Number(paper[2])];
    expect(x1 - left).toBeCloseTo(width / 64, 1);
    expect(width1).toBeCloseTo(width / 2, 1);
    expect(x2).toBeCloseTo(x1 + width1, 1);
    expect(width2).toBeCloseTo((width * 7) / 64, 1);
  });

  it('says in a legend what occurs, and no more', () => {
    const text = format('plain.img', pictureOf(makePlain()));
    for (const { kind, words } of KIND_STYLES) {
      const isThere = ['left-out', 'table', 'data', 'unknown', 'gap'].includes(kind);
      expect(text.includes(`>${words} <`), words).toBe(isThere);
    }
  });
});

describe('HTML', () => {
  it('tells all facts and findings', () => {
    const text = formatHtml('plain.img', pictureOf(makePlain()));
    for (const fact of [
      'ext4 &quot;system&quot;',
      '6a1f0e52-7f5e-4b6e-9d3b-00000000e4f4',
      'not cleanly unmounted',
      'extent 64bit',
      'used 2.0 MiB, free 30.0 MiB, free by its own counters 5.0 MiB',
      'partition 1: is made up',
      'GPT partition table',
    ]) {
      expect(text).toContain(fact);
    }
    expect(text.match(/<details>/g)).toHaveLength(2);
  });
});

describe('a disk of 2 TiB', () => {
  it.each([
    [40, 600],
    [1, 100_000],
  ])('with %d partitions of %d runs a kind makes files of bounded size', (partitions, runs) => {
    const picture = pictureOf(makeCrowded(partitions, runs));
    for (const [, format] of FORMATS) {
      const text = format('crowded.img', picture);
      expect(text.length).toBeLessThan((2 + partitions) * 48 * 1024);
      expect(XMLValidator.validate(text)).toBe(true);
    }
  });
});
