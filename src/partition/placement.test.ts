import { describe, expect, it } from 'vitest';

import type { Partition } from './partition-table.ts';
import { checkPlacement } from './placement.ts';

const IMAGE_BYTES = 10_000;

function partition(
  number: number,
  startByte: number,
  endByte: number,
  scheme: Partition['scheme'] = 'gpt',
): Partition {
  const isContainer = false;
  return { number, scheme, type: '', typeName: '', name: '', startByte, endByte, isContainer };
}

function codes(...partitions: readonly Partition[]): readonly string[] {
  return checkPlacement(partitions, IMAGE_BYTES).map(({ code }) => code);
}

describe('checkPlacement', () => {
  it('has nothing to say about neighbours that end with the image', () => {
    expect(codes(partition(1, 0, 5000), partition(2, 5000, IMAGE_BYTES))).toEqual([]);
  });

  it('names partitions that reach, or lie, behind the end', () => {
    expect(codes(partition(1, 5000, IMAGE_BYTES + 1))).toEqual(['partition.past-end']);
    const [finding] = checkPlacement([partition(1, IMAGE_BYTES, 12_000)], IMAGE_BYTES);
    expect(finding).toMatchObject({ level: 'warning', code: 'partition.past-end' });
    expect(finding?.text).toContain('lies behind the end');
  });

  it('names empty partitions', () => {
    expect(codes(partition(1, 5000, 5000))).toEqual(['partition.empty']);
  });

  it('names each partition that starts inside another', () => {
    const wide = partition(1, 0, 9000);
    const found = checkPlacement(
      [wide, partition(2, 100, 200), partition(3, 300, 400), partition(4, 9000, 9500)],
      IMAGE_BYTES,
    );
    expect(found.map(({ code, startByte }) => [code, startByte])).toEqual([
      ['partition.overlap', 100],
      ['partition.overlap', 300],
    ]);
  });

  it('names twins of one scheme, but not those of a hybrid MBR', () => {
    expect(codes(partition(1, 0, 500), partition(2, 0, 500))).toEqual(['partition.overlap']);
    expect(codes(partition(1, 0, 500), partition(1, 0, 500, 'mbr'))).toEqual([]);
    expect(codes(partition(1, 0, 500), partition(1, 0, 501, 'mbr'))).toEqual(['partition.overlap']);
  });

  it('expects logical partitions inside their container', () => {
    const extended = { ...partition(1, 0, 5000, 'mbr'), isContainer: true };
    expect(codes(extended, partition(5, 100, 200, 'logical'))).toEqual([]);
  });

  it('mentions once that numbers do not follow the disk', () => {
    const found = checkPlacement(
      [partition(1, 500, 600), partition(2, 300, 400), partition(3, 100, 200)],
      IMAGE_BYTES,
    );
    expect(found).toMatchObject([{ level: 'info', code: 'partition.order' }]);
    expect(codes(partition(1, 500, 600), partition(1, 100, 200, 'mbr'))).toEqual([]);
  });

  it('does not take quadratic time', () => {
    const many = Array.from({ length: 100_000 }, (_, index) => partition(index, index, index + 2));
    const before = performance.now();
    expect(checkPlacement(many, 200_000)).toHaveLength(99_999);
    expect(performance.now() - before).toBeLessThan(5000);
  });
});
