/** Hundreds of random sparse files on each filesystem: `bmap create` against bmaptool 3.6. */
import { describe } from 'vitest';

import { expectSameMaps, hosts, withHost } from '../bmap/same-map.ts';
import { itWith, requireRoot, requireTools } from '../support/requirements.ts';

const RANDOM_IMAGES = 200;
const SEED = 2;

describe('the same map as bmaptool, for many files', () => {
  for (const [title, mkfs, type, blockSize] of hosts) {
    const tools = requireTools('bmaptool', mkfs[0]!, 'mount', 'losetup');
    itWith([...tools, ...requireRoot()], `on ${title}`, () => {
      withHost(mkfs, type, (folder) => expectSameMaps(folder, blockSize, RANDOM_IMAGES, SEED));
    });
  }
});
