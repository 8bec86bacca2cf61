import { expect, it, vi } from 'vitest';

import { StepPacer } from './step-pacer.ts';

const MIB = 2 ** 20;

/** Runs a step that takes so long. */
async function step(pacer: StepPacer, bytes: number, tookMs: number): Promise<number> {
  let nowMs = 0;
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => nowMs);
  await pacer.measure(bytes, async () => {
    nowMs += tookMs;
  });
  clock.mockRestore();
  return pacer.stepBytes;
}

it('takes steps of half a second on a slow card', async () => {
  const pacer = new StepPacer();
  const bytesPerMs = 5000;
  for (let round = 0; round < 5; round++) {
    await step(pacer, pacer.stepBytes, pacer.stepBytes / bytesPerMs);
  }
  expect(pacer.stepBytes).toBe(500 * bytesPerMs);
});

it('at most doubles, up to 32 MiB, and falls at once', async () => {
  const pacer = new StepPacer();
  const steps = [];
  for (let round = 0; round < 5; round++) steps.push(await step(pacer, pacer.stepBytes, 1));
  expect(steps).toEqual([8 * MIB, 16 * MIB, 32 * MIB, 32 * MIB, 32 * MIB]);
  expect(await step(pacer, 32 * MIB, 16_000)).toBe(MIB);
});

it('learns nothing from crumbs', async () => {
  const pacer = new StepPacer();
  expect(await step(pacer, 4096, 1)).toBe(4 * MIB);
  expect(await step(pacer, 0, 10_000)).toBe(4 * MIB);
});
