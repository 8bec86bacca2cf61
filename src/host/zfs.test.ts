import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { expect, it } from 'vitest';

import { makeScratchFolder } from '../../test/support/scratch.ts';
import { readZfsParameter } from './zfs.ts';

it('reads the parameter where the module is loaded', () => {
  const sys = makeScratchFolder();
  const file = path.join(sys, 'module/zfs/parameters/zfs_dmu_offset_next_sync');
  expect(readZfsParameter({ proc: '/', sys })).toEqual({ path: file, value: undefined });
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, '1\n');
  expect(readZfsParameter({ proc: '/', sys })).toEqual({ path: file, value: '1' });
});
