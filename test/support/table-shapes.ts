/** Images with partition tables as real tools make them, and as real life leaves them. */
import { closeSync, openSync, truncateSync, writeFileSync, writeSync } from 'node:fs';

import { withLoop } from './loop-device.ts';
import { run } from './run.ts';
import { writeBootRecord } from './table-image.ts';

export const MIB = 1024 * 1024;

export interface TableShape {
  readonly title: string;
  /** Default 512; more needs a loop device, so root. */
  readonly sectorBytes?: number;
  readonly make: (file: string) => void;
  /** What happens to the image after its partitions were filled. */
  readonly damage?: (file: string) => void;
  readonly scheme?: 'mbr' | 'gpt' | 'hybrid';
  /** Numbers of partitions without a filesystem. */
  readonly blank?: readonly number[];
  /** What is reported, beyond notes without weight for the map. Default nothing. */
  readonly warnings?: readonly string[];
  /** True if everything must be mapped. */
  readonly isDistrusted?: boolean;
}

const IMAGE_BYTES = 64 * MIB;

function makeEmpty(file: string, sizeBytes = IMAGE_BYTES): void {
  writeFileSync(file, '');
  truncateSync(file, sizeBytes);
}

/** A table by sfdisk, from lines as it reads them. */
function sfdisk(title: string, lines: readonly string[], rest?: Partial<TableShape>): TableShape {
  const input = `${lines.join('\n')}\n`;
  const args = ['--quiet', '--no-reread', '--no-tell-kernel'];
  const make = (file: string): void => {
    makeEmpty(file);
    const sectorBytes = rest?.sectorBytes ?? 512;
    if (sectorBytes === 512) run('sfdisk', [...args, file], { input });
    else withLoop(file, { sectorBytes }, (device) => run('sfdisk', [...args, device], { input }));
  };
  return { title: `sfdisk: ${title}`, make, ...rest };
}

function sgdisk(title: string, args: readonly string[], rest?: Partial<TableShape>): TableShape {
  const make = (file: string): void => {
    makeEmpty(file);
    const sectorBytes = rest?.sectorBytes ?? 512;
    if (sectorBytes === 512) run('sgdisk', [...args, file]);
    else withLoop(file, { sectorBytes }, (device) => run('sgdisk', [...args, device]));
  };
  return { title: `sgdisk: ${title}`, scheme: 'gpt', make, ...rest };
}

function parted(title: string, commands: string, rest?: Partial<TableShape>): TableShape {
  const make = (file: string): void => {
    makeEmpty(file);
    run('parted', ['--script', '--align', 'none', file, ...commands.split(' ')]);
  };
  return { title: `parted: ${title}`, make, ...rest };
}

function patch(file: string, startByte: number, bytes: Uint8Array): void {
  const target = openSync(file, 'r+');
  writeSync(target, bytes, 0, bytes.length, startByte);
  closeSync(target);
}

const GPT = ['label: gpt', 'size=8M, type=U, name="EFI"', 'size=16M, name="root"', '5: size=16M'];
const LARGE_GPT = ['label: gpt', 'size=16M', '7: size=16M, name="x"'];
const MBR = ['label: dos', 'start=2048, size=16384, type=c, bootable', 'size=32768', 'size=16384'];
const HYBRID = ['-n1:2048:+8M', '-n2:0:+16M', '-n3:0:+16M', '-h1:2'];
const SMALL_EBR = 'size=10240';

export const TABLE_SHAPES: readonly TableShape[] = [
  sfdisk('MBR', MBR),
  sfdisk('MBR with four primaries, not aligned', [
    'label: dos',
    'start=63, size=16065, type=6',
    'start=16129, size=16003, type=82',
    'start=32133, size=30001',
    'start=65537, size=65535, type=da',
  ]),
  sfdisk('MBR, out of order and with an unused slot', [
    'label: dos',
    '4: start=2048, size=16384',
    '2: start=40960, size=16384',
    '1: start=20480, size=16384',
  ]),
  ...['5', 'f', '85'].map((type) =>
    sfdisk(`logical partitions in type ${type}`, [
      'label: dos',
      'start=2048, size=16384',
      `start=20480, size=80000, type=${type}`,
      `start=22528, ${SMALL_EBR}`,
      `start=34816, ${SMALL_EBR}, type=82`,
      `start=47104, ${SMALL_EBR}`,
    ]),
  ),
  sfdisk('ten logical partitions', [
    'label: dos',
    'type=5',
    ...Array.from({ length: 10 }, (_, index) => `start=${4096 + index * 12_288}, ${SMALL_EBR}`),
  ]),
  sfdisk('an extended partition with nothing in it', [
    'label: dos',
    'start=2048, size=16384',
    'start=20480, size=32768, type=5',
  ]),
  sfdisk('MBR in sectors of 4096 bytes', ['label: dos', 'start=256, size=4096', 'size=4096'], {
    sectorBytes: 4096,
  }),
  sfdisk(
    'logical partitions in sectors of 4096 bytes',
    [
      'label: dos',
      'start=256, size=4096',
      'start=5000, size=10000, type=5',
      'start=5256, size=2048',
      'start=8192, size=2048',
    ],
    { sectorBytes: 4096 },
  ),
  sfdisk('GPT', ['label: gpt', 'size=8M, type=U, name="EFI"', 'size=16M, name="r\u{f6}\u{f6}t"'], {
    scheme: 'gpt',
  }),
  sfdisk('GPT with 4 entries', ['label: gpt', 'table-length: 4', 'size=8M', 'size=16M'], {
    scheme: 'gpt',
  }),
  sfdisk('GPT in sectors of 4096 bytes', LARGE_GPT, {
    scheme: 'gpt',
    sectorBytes: 4096,
  }),
  sgdisk('GPT', ['-n1:2048:+8M', '-t1:ef00', '-c1:EFI', '-n2:0:+16M', '-c2:root', '-n5:0:+16M']),
  sgdisk('GPT with 256 entries', ['-S256', '-n256:2048:+8M', '-n1:0:+16M']),
  sgdisk('GPT with its array in another place', ['-j64', '-a64', '-n1:128:+8M', '-n2:0:+16M']),
  sgdisk('GPT in sectors of 4096 bytes', ['-n1:256:+16M', '-n9:0:+16M'], { sectorBytes: 4096 }),
  sgdisk('hybrid MBR', HYBRID, { scheme: 'hybrid' }),
  sgdisk('hybrid MBR, protective entry last', [...HYBRID.slice(0, 3), '-h1:2:EE'], {
    scheme: 'hybrid',
  }),
  sfdisk('primary header wiped', GPT, {
    scheme: 'gpt',
    damage: (file) => patch(file, 512, new Uint8Array(512)),
    warnings: ['gpt.backup-used'],
  }),
  sfdisk('primary table wiped', GPT, {
    scheme: 'gpt',
    damage: (file) => patch(file, 512, new Uint8Array(33 * 512)),
    warnings: ['gpt.backup-used'],
  }),
  sfdisk('primary header wiped, sectors of 4096 bytes', LARGE_GPT, {
    scheme: 'gpt',
    sectorBytes: 4096,
    damage: (file) => patch(file, 4096, new Uint8Array(4096)),
    warnings: ['gpt.backup-used'],
  }),
  sfdisk('backup wiped', GPT, {
    scheme: 'gpt',
    damage: (file) => patch(file, IMAGE_BYTES - 512, new Uint8Array(512)),
    warnings: ['gpt.backup-damaged'],
  }),
  sfdisk('image cut behind the last partition', GPT, {
    scheme: 'gpt',
    damage: (file) => truncateSync(file, 48 * MIB),
    warnings: ['gpt.backup-missing'],
  }),
  sfdisk('image grown', GPT, {
    scheme: 'gpt',
    damage: (file) => truncateSync(file, IMAGE_BYTES + 16 * MIB),
  }),
  sfdisk('both headers wiped', GPT, {
    scheme: 'gpt',
    damage: (file) => {
      patch(file, 512, new Uint8Array(512));
      patch(file, IMAGE_BYTES - 512, new Uint8Array(512));
    },
    warnings: ['gpt.damaged'],
    isDistrusted: true,
  }),
  sfdisk('protective MBR wiped', GPT, {
    scheme: 'gpt',
    damage: (file) => patch(file, 0, new Uint8Array(512)),
    warnings: ['gpt.no-protective-mbr'],
    isDistrusted: true,
  }),
  sfdisk('GPT under a later MBR', GPT, {
    scheme: 'hybrid',
    damage: (file) => {
      const sector = new Uint8Array(512);
      writeBootRecord(sector, [{ slot: 1, startLba: 18_432, sectorCount: 32_768 }]);
      patch(file, 0, sector);
    },
    warnings: ['gpt.no-protective-mbr'],
    isDistrusted: true,
  }),
  parted('GPT', 'mklabel gpt mkpart a ext4 34s 20000s mkpart b 20001s 60000s', { scheme: 'gpt' }),
  parted(
    'MBR with logical partitions',
    'mklabel msdos mkpart primary 63s 20000s mkpart extended 20001s 120000s ' +
      'mkpart logical 20064s 50000s mkpart logical 60000s 80000s',
  ),
  {
    title: 'overlapping partitions',
    make: (file) => {
      makeEmpty(file);
      const sector = new Uint8Array(512);
      writeBootRecord(sector, [
        { slot: 1, startLba: 2048, sectorCount: 65_536 },
        { slot: 2, startLba: 40_960, sectorCount: 32_768 },
        { slot: 3, startLba: 81_920, sectorCount: 16_384 },
      ]);
      patch(file, 0, sector);
    },
    blank: [2],
    warnings: ['partition.overlap'],
  },
  sfdisk('partitions behind the end of the image', MBR, {
    damage: (file) => truncateSync(file, 24 * MIB),
    blank: [2, 3],
    warnings: ['partition.past-end', 'partition.past-end'],
  }),
];
