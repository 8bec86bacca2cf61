/** What finding the used blocks costs alone: bmap, partclone and e2image on the same ext4. */
import { rmSync } from 'node:fs';
import path from 'node:path';

import { measureInTurn } from './measure.mjs';
import { run } from './run.mjs';

/** A partition of its own, since the others read no partition tables. `disk` ends with it and 1 MiB. */
export function measureMapping(disk, startByte, lengthBytes, folder, program, rounds) {
  const root = path.join(folder, 'root.img');
  const range = [`skip=${startByte}`, `count=${lengthBytes}`, 'iflag=skip_bytes,count_bytes'];
  run('dd', ['status=none', 'bs=1M', 'conv=sparse', `if=${disk}`, `of=${root}`, ...range]);
  const log = path.join(folder, 'log');
  const clean = () => rmSync(log, { force: true });
  const tools = {
    'bmap scan --bmap --no-checksum': {
      command: [process.execPath, program, 'scan', '-q', '--no-checksum', '-o', log, root],
    },
    'partclone.ext4 --domain': {
      prepare: clean,
      command: ['partclone.ext4', '--domain', '-q', '-s', root, '-o', log, '-L', `${log}.txt`],
    },
    'e2image (metadata alone)': { prepare: clean, command: ['e2image', root, log] },
  };
  const results = measureInTurn(Object.values(tools), rounds);
  return Object.keys(tools).map((name, index) => ({ name, ...results[index] }));
}
