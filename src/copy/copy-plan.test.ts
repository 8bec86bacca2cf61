import { expect, it } from 'vitest';

import { listMapped, listUnmapped, type CopyPlan } from './copy-plan.ts';

it('lists what is mapped and what is not, also of the largest maps', () => {
  const count = 2 ** 18;
  const plan: CopyPlan = {
    imageSizeBytes: count * 1024,
    blockSizeBytes: 512,
    ranges: Array.from({ length: count }, (_, index) => ({
      startByte: index * 1024,
      endByte: index * 1024 + 512,
    })),
    mappedBytes: count * 512,
    digest: undefined,
    names: { map: 'map', target: 'target' },
  };
  expect(listMapped(plan)?.count).toBe(count);
  expect(listUnmapped(plan).lengthBytes).toBe(count * 512);
  expect(listMapped({ ...plan, imageSizeBytes: undefined })).toBeUndefined();
  expect(listUnmapped({ ...plan, imageSizeBytes: undefined }).isEmpty).toBe(true);
});
