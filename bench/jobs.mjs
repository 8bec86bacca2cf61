/**
 * What is compared. Each job runs `ours` and `theirs` in turn; `floor` is a bare tool that does a part of
 * the work, for orientation. `target` is the highest ratio of the wall times that we accept.
 */
import {
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs';

import { PACKED } from './inputs.mjs';
import { run } from './run.mjs';

const UNPACK = {
  gz: 'gzip -dc',
  'xz-one-block': 'xz -T2 -dc',
  'xz-many-blocks': 'xz -T2 -dc',
  bz2: 'bzip2 -dc',
  pbzip2: 'pbzip2 -dc',
  zst: 'zstd -qdc',
  'zst-frames': 'zstd -qdc',
  lz4: 'lz4 -qdc',
  lzo: 'lzop -dc',
};

const COPY_TARGETS = {
  gz: 0.3,
  'xz-one-block': 0.75,
  'xz-many-blocks': 0.5,
  bz2: 0.55,
  pbzip2: 0.85,
  zst: 0.65,
  'zst-frames': 0.65,
  lz4: 0.45,
  lzo: 0.6,
};

/** More than any job writes. */
const WARM_BYTES = 9 * 2 ** 28;

/** A file on tmpfs, and a loop device of the same size on tmpfs; both empty before each run. */
export class Targets {
  constructor(folder, sizeBytes) {
    this.file = `${folder}/target`;
    this.backing = `${folder}/backing`;
    this.warmth = `${folder}/warmth`;
    this.sizeBytes = sizeBytes;
    this.#empty();
    this.loop = run('losetup', ['--find', '--show', this.backing]).stdout.trim();
  }

  #empty() {
    const descriptor = openSync(this.backing, existsSync(this.backing) ? 'r+' : 'w');
    if (fstatSync(descriptor).size > 0) ftruncateSync(descriptor, 0);
    ftruncateSync(descriptor, this.sizeBytes);
    closeSync(descriptor);
  }

  /**
   * Fills memory, and gives it back: what was not used for a while may belong to the host of a virtual
   * machine, and getting it from there takes longer than all that is measured.
   */
  #warm() {
    const descriptor = openSync(this.warmth, 'w');
    const bytes = Buffer.alloc(2 ** 20, 1);
    for (let done = 0; done < WARM_BYTES; done += bytes.length) writeSync(descriptor, bytes);
    closeSync(descriptor);
    rmSync(this.warmth);
  }

  emptyFile = () => {
    rmSync(this.file, { force: true });
    this.#warm();
  };

  emptyLoop = () => {
    this.#empty();
    this.#warm();
    run('blockdev', ['--flushbufs', this.loop]);
  };

  close() {
    run('losetup', ['--detach', this.loop]);
  }
}

function sameBytes(one, other) {
  run('cmp', [one, other]);
}

function mappedBytes(map) {
  return Number(/<MappedBlocksCount>\s*(\d+)/.exec(readFileSync(map, 'utf8'))[1]) * 4096;
}

function bmaptool(...args) {
  return ['bmaptool', '-q', ...args];
}

function shell(command) {
  return { command: ['sh', '-c', command] };
}

export function listJobs(inputs, targets, program, folder) {
  const bmap = (...args) => [process.execPath, program, '-q', ...args];
  const ourMap = `${folder}/ours.bmap`;
  const theirMap = `${folder}/theirs.bmap`;
  const keptFile = `${folder}/theirs`;

  const create = (name, image, target) => ({
    name,
    target,
    ours: { command: bmap('create', '-o', ourMap, image) },
    theirs: { command: bmaptool('create', '-o', theirMap, image) },
    compare: () => sameBytes(ourMap, theirMap),
  });
  const copyToFile = (name, image, map, target, floor) => ({
    name,
    target,
    floor,
    theirs: {
      prepare: targets.emptyFile,
      command: bmaptool('copy', '--bmap', map, image, targets.file),
    },
    ours: {
      prepare: targets.emptyFile,
      command: bmap('copy', '--bmap', map, image, targets.file),
    },
    compare: () => {
      targets.emptyFile();
      run('bmaptool', ['-q', 'copy', '--bmap', map, image, keptFile]);
      run(process.execPath, [program, '-q', 'copy', '--bmap', map, image, targets.file]);
      sameBytes(targets.file, keptFile);
      rmSync(keptFile);
      targets.emptyFile();
    },
  });
  const copyToLoop = (name, image, map, target) => ({
    name,
    target,
    theirs: {
      prepare: targets.emptyLoop,
      command: bmaptool('copy', '--bmap', map, image, targets.loop),
    },
    ours: {
      prepare: targets.emptyLoop,
      command: bmap('copy', '--bmap', map, image, targets.loop),
    },
    compare: () => run('cmp', ['-n', String(targets.sizeBytes), image, targets.loop]),
  });
  return [
    {
      name: 'start (`--version`)',
      target: 2.5,
      ours: { command: bmap('--version') },
      theirs: { command: ['bmaptool', '--version'] },
    },
    {
      name: 'scan of 64 MiB against start',
      target: 2.5,
      ours: { command: bmap('scan', inputs.small) },
      theirs: { command: ['bmaptool', '--version'] },
    },
    {
      name: 'scan of 64 MiB with its map against start',
      target: 2.5,
      ours: { command: bmap('scan', '--bmap', inputs.small) },
      theirs: { command: ['bmaptool', '--version'] },
    },
    create('create, 1.3 GiB mapped', inputs.disk, 0.55),
    create('create, 15,000 ranges', inputs.fragmented, 0.55),
    create('create, one range of 2 GiB', inputs.oneRange),
    {
      name: 'scan with checksums against create, per mapped byte',
      target: 0.55,
      ours: { command: bmap('scan', '-o', ourMap, inputs.disk) },
      theirs: { command: bmaptool('create', '-o', theirMap, inputs.disk) },
      scale: () => mappedBytes(theirMap) / mappedBytes(ourMap),
    },
    {
      name: 'scan of 15,000 ranges against create',
      target: 0.55,
      ours: { command: bmap('scan', '-o', ourMap, inputs.fragmented) },
      theirs: { command: bmaptool('create', '-o', theirMap, inputs.fragmented) },
      scale: () => mappedBytes(theirMap) / mappedBytes(ourMap),
    },
    copyToFile('copy raw to a file', inputs.disk, inputs.map, 0.55),
    copyToLoop('copy raw to a loop device', inputs.disk, inputs.map, 0.55),
    copyToFile('copy 15,000 ranges to a file', inputs.fragmented, inputs.fragmentedMap),
    copyToFile('copy one range of 2 GiB', inputs.oneRange, inputs.oneRangeMap),
    ...Object.keys(PACKED).map((kind) =>
      copyToFile(
        `copy ${kind}`,
        inputs[kind],
        inputs.map,
        COPY_TARGETS[kind],
        shell(`${UNPACK[kind]} ${inputs[kind]} > /dev/null`),
      ),
    ),
  ];
}
