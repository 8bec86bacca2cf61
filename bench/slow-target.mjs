/**
 * What a slow device sees of bmap, bmaptool and dd: a loop device on a file that takes so many bytes a
 * second and writes down every request. Needs root, bmaptool, nbdkit and nbdfuse (libnbd-bin).
 *
 * usage: node bench/slow-target.mjs [--inputs FOLDER] [--rate MIB_PER_SECOND]
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { makeSlowInput } from './inputs.mjs';
import { measure } from './measure.mjs';
import { run } from './run.mjs';

const MIB = 1024 ** 2;
const DISK_BYTES = 1024 ** 3;
const { values: options } = parseArgs({
  options: {
    inputs: { type: 'string', default: path.join(tmpdir(), 'bmap-bench-inputs') },
    rate: { type: 'string', default: '40' },
  },
});
const program = fileURLToPath(new URL('../dist/bin/bmap.js', import.meta.url));

/** Starts the device anew for each run, so that each starts with an empty cache. */
async function withSlowDisk(folder, act) {
  const log = path.join(folder, 'log');
  const mount = path.join(folder, 'mount');
  writeFileSync(log, '');
  mkdirSync(mount, { recursive: true });
  const rate = `rate=${Number(options.rate) * 8}M`;
  const server = ['nbdkit', '--exit-with-parent', '--filter=log', '--filter=rate', 'memory'];
  const settings = [String(DISK_BYTES), `logfile=${log}`, rate, 'burstiness=0.1'];
  const disk = path.join(mount, 'disk');
  const child = spawn('nbdfuse', [disk, '[', ...server, ...settings, ']'], { stdio: 'inherit' });
  try {
    while (!existsSync(disk)) await sleep(50);
    const loop = run('losetup', ['--find', '--show', disk]).stdout.trim();
    try {
      await act(loop);
    } finally {
      run('losetup', ['--detach', loop]);
    }
  } finally {
    run('umount', [mount]);
    if (child.exitCode === null) await new Promise((resolve) => child.once('exit', resolve));
  }
  return readFileSync(log, 'utf8');
}

function listWrites(log) {
  const writes = log.matchAll(/ Write id=\d+ offset=(0x[0-9a-f]+) count=(0x[0-9a-f]+)/g);
  return [...writes].map(([, offset, count]) => ({ start: Number(offset), bytes: Number(count) }));
}

function describe(name, wall, writes) {
  const total = writes.reduce((sum, { bytes }) => sum + bytes, 0);
  let furthest = 0;
  let backwards = 0;
  for (const { start, bytes } of writes) {
    if (start < furthest) backwards++;
    furthest = Math.max(furthest, start + bytes);
  }
  const mean = total / writes.length / 1024;
  const share = ((100 * backwards) / writes.length).toFixed(1);
  const cells = [name, wall.toFixed(1), (total / MIB).toFixed(0), writes.length];
  return `| ${[...cells, `${mean.toFixed(0)} KiB`, `${share} %`].join(' | ')} |`;
}

const image = makeSlowInput(options.inputs, program);
const folder = mkdtempSync(path.join(tmpdir(), 'bmap-slow-'));
const map = path.join(folder, 'map');
run('bmaptool', ['-q', 'create', '-o', map, image]);
const copies = {
  bmap: (loop) => [process.execPath, program, '-q', 'copy', '--bmap', map, image, loop],
  bmaptool: (loop) => ['bmaptool', '-q', 'copy', '--bmap', map, image, loop],
  dd: (loop) => ['dd', 'status=none', 'bs=1M', 'conv=fsync', `if=${image}`, `of=${loop}`],
};
try {
  console.log(
    `| writes ${options.rate} MiB/s | wall s | MiB written | writes | mean | backwards |`,
  );
  console.log('| --- | --- | --- | --- | --- | --- |');
  for (const [name, command] of Object.entries(copies)) {
    let wall = 0;
    const log = await withSlowDisk(folder, (loop) => {
      ({ wall } = measure(command(loop)));
      run('cmp', ['-n', String(DISK_BYTES), image, loop]);
    });
    console.log(describe(name, wall, listWrites(log)));
  }
} finally {
  rmSync(folder, { recursive: true });
}
