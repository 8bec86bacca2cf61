import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

import { PACKAGES } from './support/requirements.ts';

it('the script that installs the tools installs all of them', () => {
  const script = readFileSync('test/install-tools.sh', 'utf8');
  const installed = new Set(script.split(/\s+/));
  const missing = Object.values(PACKAGES).filter((name) => !installed.has(name));
  expect(missing, 'packages to add to test/install-tools.sh').toEqual([]);
});
