/** Partitions whose free blocks are hashed too, and twins of them that are not. */
import path from 'node:path';
import { expect, it } from 'vitest';

import { overwrite } from '../support/overwrite.ts';
import { scanFileForTest } from '../support/poison.ts';
import { describeWith, requireTools } from '../support/requirements.ts';
import { run } from '../support/run.ts';
import { makeScratchFolder } from '../support/scratch.ts';

const MIB = 1024 * 1024;
const ROOT_START = MIB;
const ROOT_BYTES = 32 * MIB;
const SECOND_START = 33 * MIB;

const LINUX = '0FC63DAF-8483-4772-8E79-3D69D8477DE4';
const ROOT_X86 = '4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709';
const ROOT_X86_VERITY = '2C7357ED-EBD2-46D9-AEC1-23D437EC2BF5';
const ROOT_ARM64_VERITY = 'DF3300CE-D69F-4C92-978C-9BFB0F38D820';
const CHROMEOS_ROOT = '3CB8E202-3B7E-47DD-8A3C-7FF2A13CFCEC';

interface Layout {
  readonly rootType?: string;
  readonly secondType?: string;
  /** Less than the partition leaves slack behind the filesystem. */
  readonly filesystemBytes?: number;
}

/** A GPT disk with an ext4 partition of 32 MiB and an empty one of 16 MiB behind it. */
function makeDisk({ rootType, secondType, filesystemBytes }: Layout): string {
  const disk = path.join(makeScratchFolder(), 'disk.img');
  run('truncate', ['-s', '52M', disk]);
  const table = [
    'label: gpt',
    `start=2048, size=65536, type=${rootType ?? LINUX}, name="system_a"`,
    `start=67584, size=32768, type=${secondType ?? LINUX}`,
  ];
  run('sfdisk', ['--quiet', disk], { input: table.join('\n') });
  const offset = `offset=${ROOT_START}`;
  const size = `${(filesystemBytes ?? ROOT_BYTES) / 1024}k`;
  run('mke2fs', ['-q', '-F', '-t', 'ext4', '-b', '4096', '-E', offset, disk, size]);
  return disk;
}

/** Where free blocks of the filesystem certainly are. */
async function isRootWhole(disk: string): Promise<boolean> {
  const { mapped } = await scanFileForTest(disk);
  return mapped.covers(ROOT_START, ROOT_START + ROOT_BYTES);
}

async function verityFindings(disk: string): Promise<readonly string[]> {
  const { findings } = await scanFileForTest(disk);
  return findings.filter(({ code }) => code.startsWith('verity.')).map(({ text }) => text);
}

describeWith(requireTools('sfdisk', 'mke2fs', 'truncate'), 'verity', () => {
  it('does not disturb a root partition that has no hashes', async () => {
    const disk = makeDisk({ rootType: ROOT_X86 });
    expect(await isRootWhole(disk)).toBe(false);
    expect(await verityFindings(disk)).toEqual([]);
  });

  it('maps a root partition whole if the partition with its hashes is there', async () => {
    const disk = makeDisk({ rootType: ROOT_X86, secondType: ROOT_X86_VERITY });
    expect(await isRootWhole(disk)).toBe(true);
    expect(await verityFindings(disk)).toEqual([
      expect.stringMatching(/^partition 1: mapped whole/),
    ]);
  });

  it('does not take the hashes of another architecture for its own', async () => {
    expect(await isRootWhole(makeDisk({ rootType: ROOT_X86, secondType: ROOT_ARM64_VERITY }))).toBe(
      false,
    );
  });

  it('maps ChromeOS root filesystems whole', async () => {
    expect(await isRootWhole(makeDisk({ rootType: CHROMEOS_ROOT }))).toBe(true);
  });

  it('sees an AVB footer at the end of the partition', async () => {
    const disk = makeDisk({});
    overwrite(disk, ROOT_START + ROOT_BYTES - 64, 'AVBf');
    expect(await isRootWhole(disk)).toBe(true);
    overwrite(disk, ROOT_START + ROOT_BYTES - 64, 'AVBx');
    expect(await isRootWhole(disk)).toBe(false);
  });

  it('sees Android verified boot metadata in another partition', async () => {
    const disk = makeDisk({});
    overwrite(disk, SECOND_START, 'AVB0');
    expect(await isRootWhole(disk)).toBe(true);
  });

  it('sees metadata of the older Android scheme behind the filesystem', async () => {
    const disk = makeDisk({ filesystemBytes: 24 * MIB });
    expect(await isRootWhole(disk)).toBe(false);
    overwrite(disk, ROOT_START + 24 * MIB, Uint8Array.of(0x01, 0xb0, 0x01, 0xb0));
    expect(await isRootWhole(disk)).toBe(true);
  });
});

describeWith(requireTools('sfdisk', 'mke2fs', 'truncate', 'veritysetup', 'dd'), 'dm-verity', () => {
  /** Copies a part of the disk out, so that veritysetup can read it as a file. */
  function cutOut(disk: string, startByte: number, lengthBytes: number): string {
    const part = `${disk}.part`;
    const [skip, count] = [startByte / MIB, lengthBytes / MIB];
    run('dd', [
      `if=${disk}`,
      `of=${part}`,
      'bs=1M',
      `skip=${skip}`,
      `count=${count}`,
      'status=none',
    ]);
    return part;
  }

  it('is seen by the superblock of the hashes in another partition', async () => {
    const disk = makeDisk({});
    const hashes = `${disk}.hashes`;
    run('veritysetup', ['format', cutOut(disk, ROOT_START, ROOT_BYTES), hashes]);
    run('dd', [`if=${hashes}`, `of=${disk}`, 'bs=1M', 'seek=33', 'conv=notrunc', 'status=none']);
    expect(await isRootWhole(disk)).toBe(true);
  });

  it('is seen by the superblock behind the filesystem', async () => {
    const disk = makeDisk({ filesystemBytes: 24 * MIB });
    const part = cutOut(disk, ROOT_START, ROOT_BYTES);
    const hashStart = 24 * MIB + 8192;
    run('veritysetup', ['format', '--data-blocks=6144', `--hash-offset=${hashStart}`, part, part]);
    run('dd', [`if=${part}`, `of=${disk}`, 'bs=1M', 'seek=1', 'conv=notrunc', 'status=none']);
    expect(await isRootWhole(disk)).toBe(true);
  });

  it('cannot cover a partition that is smaller than its data', async () => {
    const disk = makeDisk({});
    const data = `${disk}.data`;
    run('truncate', ['-s', '64M', data]);
    const hashes = `${disk}.hashes`;
    run('veritysetup', ['format', data, hashes]);
    run('dd', [`if=${hashes}`, `of=${disk}`, 'bs=1M', 'seek=33', 'conv=notrunc', 'status=none']);
    expect(await isRootWhole(disk)).toBe(false);
  });
});
