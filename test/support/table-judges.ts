/** What other programs read from a partition table. */
import { readFileSync } from 'node:fs';

import GPT from 'gpt';
import MBR from 'mbr';

import { withLoop } from './loop-device.ts';
import { run } from './run.ts';

/** One line for each partition, equal for all judges: number, type, first and last sector. */
export type Verdict = readonly string[];

/** The lines of our own reading, or of others', in the order of the numbers. */
export function formatVerdict(
  partitions: readonly { number: number; type: string; first: number; end: number }[],
): Verdict {
  return partitions
    .toSorted((a, b) => a.number - b.number)
    .map(({ number, type, first, end }) => `${number} ${type} ${first}-${end - 1}`);
}

interface SfdiskDump {
  readonly partitiontable: {
    readonly sectorsize: number;
    readonly partitions?: readonly { node: string; start: number; size: number; type: string }[];
  };
}

/** sfdisk takes the sector size of a file to be 512, and that of a device from the kernel. */
export function readBySfdisk(file: string, sectorBytes: number): Verdict {
  if (sectorBytes !== 512) {
    return withLoop(file, { sectorBytes, readOnly: true }, (device) => askSfdisk(device));
  }
  return askSfdisk(file);
}

function askSfdisk(target: string): Verdict {
  const dump = JSON.parse(run('sfdisk', ['--json', target])) as SfdiskDump;
  const { partitions = [] } = dump.partitiontable;
  return formatVerdict(
    partitions.map(({ node, start, size, type }) => ({
      number: Number(/\d+$/.exec(node)?.[0]),
      type: type.length > 2 ? type : `0x${type.padStart(2, '0')}`,
      first: start,
      end: start + size,
    })),
  );
}

/** First and last sectors by number, of a GPT. */
export function readBySgdisk(file: string): Verdict {
  return run('sgdisk', ['--print', file])
    .split('\n')
    .map((line) => /^ +(\d+) +(\d+) +(\d+) /.exec(line))
    .flatMap((match) => (match === null ? [] : [`${match[1]} ${match[2]}-${match[3]}`]));
}

/** Primary entries of an MBR. */
export function readByMbrPackage(file: string): Verdict {
  const { partitions } = MBR.parse(readFileSync(file).subarray(0, 512));
  return formatVerdict(
    partitions
      .map(({ type, firstLBA, sectors }, index) => ({
        number: index + 1,
        type: `0x${type.toString(16).padStart(2, '0')}`,
        first: firstLBA,
        end: firstLBA + sectors,
        sectors,
      }))
      .filter(({ sectors }) => sectors > 0),
  );
}

/** Entries of a GPT, without their numbers: the package drops unused ones, and cannot check sums then. */
export function readByGptPackage(file: string, sectorBytes: number): Verdict {
  const gpt = new GPT({ blockSize: sectorBytes });
  gpt.parse(readFileSync(file), sectorBytes);
  return gpt.partitions.map(({ type, firstLBA, lastLBA }) => `${type} ${firstLBA}-${lastLBA}`);
}
