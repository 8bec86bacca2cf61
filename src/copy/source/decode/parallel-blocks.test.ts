import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { runInOrder, type BlockJob } from './parallel-blocks.ts';

const LIMITS = { threads: 2, memoryBytes: 100 };

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Jobs of given cost and duration that watch each other. */
class Workshop {
  running = 0;
  maxRunning = 0;
  maxCostBytes = 0;
  isSourceClosed = false;
  #costBytes = 0;
  #failing: number | undefined;

  constructor(failing?: number) {
    this.#failing = failing;
  }

  async *jobs(
    plans: readonly { readonly costBytes: number; readonly turns: number }[],
  ): AsyncGenerator<BlockJob<number>> {
    try {
      for (const [index, plan] of plans.entries()) {
        yield { costBytes: plan.costBytes, run: async () => this.#work(index, plan) };
      }
    } finally {
      this.isSourceClosed = true;
    }
  }

  used(costBytes: number): void {
    this.#costBytes -= costBytes;
  }

  async #work(index: number, plan: { costBytes: number; turns: number }): Promise<number> {
    this.running++;
    this.#costBytes += plan.costBytes;
    this.maxRunning = Math.max(this.maxRunning, this.running);
    this.maxCostBytes = Math.max(this.maxCostBytes, this.#costBytes);
    await turns(plan.turns);
    this.running--;
    if (index === this.#failing) throw new Error(`job ${index}`);
    return index;
  }
}

describe('runInOrder', () => {
  it('gives every result once and in order, within its limits', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            costBytes: fc.integer({ min: 0, max: 100 }),
            turns: fc.integer({ min: 0, max: 5 }),
          }),
          { maxLength: 30 },
        ),
        fc.integer({ min: 1, max: 4 }),
        async (plans, threads) => {
          const workshop = new Workshop();
          const results: number[] = [];
          let before: number | undefined;
          for await (const result of runInOrder(workshop.jobs(plans), { ...LIMITS, threads })) {
            results.push(result);
            if (before !== undefined) workshop.used(plans[before]!.costBytes);
            before = result;
            await turns(result % 3);
          }
          expect(results).toEqual(plans.map((_, index) => index));
          expect(workshop.maxRunning).toBeLessThanOrEqual(threads);
          // The watcher hears of a use only when the next result is there, so by at most one job late.
          expect(workshop.maxCostBytes).toBeLessThanOrEqual(LIMITS.memoryBytes + 100);
          expect(workshop.isSourceClosed).toBe(true);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('keeps all threads busy', async () => {
    const workshop = new Workshop();
    const plans = Array.from({ length: 9 }, () => ({ costBytes: 10, turns: 3 }));
    for await (const result of runInOrder(workshop.jobs(plans), { threads: 3, memoryBytes: 100 })) {
      void result;
    }
    expect(workshop.maxRunning).toBe(3);
  });

  it('runs what costs more than there is alone', async () => {
    const workshop = new Workshop();
    const plans = [10, 500, 10, 10].map((costBytes) => ({ costBytes, turns: 3 }));
    const beside: number[] = [];
    for await (const result of runInOrder(workshop.jobs(plans), LIMITS)) {
      await turns(10);
      beside.push(workshop.running);
      expect(workshop.maxRunning).toBe(result < 2 ? 1 : 2);
    }
    // Nothing runs while the result before the large one, or its own, is in use.
    expect(beside).toEqual([0, 0, 0, 0]);
  });

  it('starts no more than a few jobs ahead of who uses the results, even if they cost nothing', async () => {
    let started = 0;
    async function* jobs(): AsyncGenerator<BlockJob<number>> {
      for (;;) yield { costBytes: 0, run: async () => ++started };
    }
    for await (const result of runInOrder(jobs(), LIMITS)) {
      await turns(20);
      expect(started - result).toBeLessThanOrEqual(8);
      if (result === 50) break;
    }
    expect(started).toBeGreaterThan(50);
  });

  it('throws what a job throws behind the results before it', async () => {
    const workshop = new Workshop(2);
    const plans = [9, 5, 0, 3].map((count) => ({ costBytes: 1, turns: count }));
    const results: number[] = [];
    const reading = (async () => {
      for await (const result of runInOrder(workshop.jobs(plans), { ...LIMITS, threads: 4 })) {
        results.push(result);
      }
    })();
    await expect(reading).rejects.toThrow('job 2');
    expect(results).toEqual([0, 1]);
    expect(workshop.running).toBe(0);
    expect(workshop.isSourceClosed).toBe(true);
  });

  it('throws what the source of the jobs throws behind all results', async () => {
    const workshop = new Workshop();
    async function* jobs(): AsyncGenerator<BlockJob<number>> {
      yield* workshop.jobs([4, 4].map((count) => ({ costBytes: 1, turns: count })));
      throw new Error('cut');
    }
    const results: number[] = [];
    const reading = (async () => {
      for await (const result of runInOrder(jobs(), LIMITS)) results.push(result);
    })();
    await expect(reading).rejects.toThrow('cut');
    expect(results).toEqual([0, 1]);
  });

  it('has no job running when it was left early', async () => {
    const workshop = new Workshop();
    const plans = Array.from({ length: 20 }, () => ({ costBytes: 1, turns: 10 }));
    for await (const result of runInOrder(workshop.jobs(plans), { ...LIMITS, threads: 4 })) {
      expect(workshop.running).toBeGreaterThan(0);
      if (result === 0) break;
    }
    expect(workshop.running).toBe(0);
    expect(workshop.isSourceClosed).toBe(true);
  });
});
