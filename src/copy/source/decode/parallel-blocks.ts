/**
 * Decodes blocks that do not need each other at the same time, and gives them out in the order of the
 * file. The work itself is done on other threads, by what the jobs call.
 */
import { availableParallelism } from 'node:os';

/**
 * One more than there are cores: what a thread has done waits for the main one, which also hashes, and a
 * core would be idle meanwhile.
 */
export const DECODING_THREADS = availableParallelism() + 1;

export interface BlockJob<Result> {
  /** Memory that it takes from its start until its result was used: input, output, the decoder's own. */
  readonly costBytes: number;
  /** Called once, at most. */
  run(): Promise<Result>;
}

export interface ParallelLimits {
  /** How many jobs run at the same time, at least 1. */
  readonly threads: number;
  /** What all jobs that were started may cost together; one runs however much it costs. */
  readonly memoryBytes: number;
}

/**
 * Slow blocks must not leave threads idle, so some results may wait behind one that is still being
 * made. Jobs that cost nothing are bounded by this as well.
 */
const STARTED_PER_THREAD = 4;

interface StartedJob<Result> {
  readonly costBytes: number;
  readonly result: Promise<Result>;
}

/**
 * The results of all jobs, in order. A result counts as used when the next one is asked for. What a job
 * or the source of the jobs throws comes after all results before it. However this ends, no job is
 * running any more when it has ended, so that memory may be freed that their threads use.
 */
export async function* runInOrder<Result>(
  jobs: AsyncIterable<BlockJob<Result>>,
  limits: ParallelLimits,
): AsyncGenerator<Result, void, undefined> {
  const source = jobs[Symbol.asyncIterator]();
  const queue = new JobQueue<Result>(limits);
  let feeding: Promise<void> | undefined;
  try {
    feeding = queue.feed(source);
    // It may fail before its turn has come, as jobs may: who awaits it then sees the failure all the same.
    feeding.catch(() => {});
    for (let job = await queue.first(); job !== undefined; job = await queue.first()) {
      yield await job.result;
      queue.drop();
    }
    await feeding;
  } finally {
    queue.stop();
    await feeding?.catch(() => {});
    await queue.settle();
    await source.return?.();
  }
}

/** Starts jobs as the limits allow. */
class JobQueue<Result> {
  readonly #limits: ParallelLimits;
  /** Started and not used yet, in order. */
  readonly #started: StartedJob<Result>[] = [];
  #running = 0;
  #costBytes = 0;
  #isFed = false;
  #isStopped = false;
  #wake: (() => void)[] = [];

  constructor(limits: ParallelLimits) {
    this.#limits = limits;
  }

  /** Ends when all jobs have been started, or after `stop`. */
  async feed(source: AsyncIterator<BlockJob<Result>>): Promise<void> {
    try {
      while (!this.#isStopped) {
        const next = await source.next();
        if (next.done === true) return;
        await this.#until(() => this.#isStopped || this.#hasRoomFor(next.value.costBytes));
        if (!this.#isStopped) this.#start(next.value);
      }
    } finally {
      this.#isFed = true;
      this.#changed();
    }
  }

  /** The job whose result is due; undefined if none will come. */
  async first(): Promise<StartedJob<Result> | undefined> {
    await this.#until(() => this.#started.length > 0 || this.#isFed);
    return this.#started[0];
  }

  /** The first result was used. */
  drop(): void {
    this.#costBytes -= this.#started.shift()!.costBytes;
    this.#changed();
  }

  stop(): void {
    this.#isStopped = true;
    this.#changed();
  }

  async settle(): Promise<void> {
    await Promise.allSettled(this.#started.map(async ({ result }) => result));
  }

  #hasRoomFor(costBytes: number): boolean {
    if (this.#started.length === 0) return true;
    const { threads, memoryBytes } = this.#limits;
    return (
      this.#running < threads &&
      this.#started.length < threads * STARTED_PER_THREAD &&
      this.#costBytes + costBytes <= memoryBytes
    );
  }

  #start(job: BlockJob<Result>): void {
    this.#running++;
    this.#costBytes += job.costBytes;
    const result = job.run().finally(() => {
      this.#running--;
      this.#changed();
    });
    result.catch(() => {});
    this.#started.push({ costBytes: job.costBytes, result });
    this.#changed();
  }

  async #until(isTrue: () => boolean): Promise<void> {
    while (!isTrue()) await new Promise<void>((resolve) => this.#wake.push(resolve));
  }

  #changed(): void {
    const waiting = this.#wake;
    this.#wake = [];
    for (const resolve of waiting) resolve();
  }
}
