import { expect, it } from 'vitest';

import { itWith, requireRoot, requireTools } from '../../../test/support/requirements.ts';
import { run } from '../../../test/support/run.ts';
import { makeScratchFolder } from '../../../test/support/scratch.ts';
import { keepsHoles } from './keeps-holes.ts';

itWith([...requireRoot(), ...requireTools('mount')], 'knows a filesystem with holes', () => {
  const folder = makeScratchFolder();
  expect(keepsHoles(`${folder}/nothing`)).toBe(false);
  run('mount', ['-t', 'tmpfs', 'tmpfs', folder]);
  try {
    expect(keepsHoles(folder)).toBe(true);
  } finally {
    run('umount', [folder]);
  }
});

it('knows that others have none', () => {
  expect(keepsHoles('/proc')).toBe(false);
});
