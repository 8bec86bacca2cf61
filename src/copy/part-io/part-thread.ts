/** A thread that makes many small reads or writes at one go. It starts with its first job. */
import { Worker } from 'node:worker_threads';

import type { PartJob, PartOutcome } from './part-job.ts';

/** Fewer parts are read or written one by one: a thread takes some 20 ms to start. */
export const MIN_THREAD_PARTS = 8;

interface Waiting {
  readonly resolve: (outcome: PartOutcome) => void;
  readonly reject: (error: Error) => void;
}

export class PartThread {
  #worker: Worker | undefined;
  /** Of the jobs that were sent, in order. */
  #waiting: Waiting[] = [];

  /** The memory belongs to the thread until the promise is settled. */
  async run(job: PartJob): Promise<PartOutcome> {
    this.#worker ??= this.#start();
    const worker = this.#worker;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      // A port between threads: there is no origin to name.
      // oxlint-disable-next-line unicorn/require-post-message-target-origin
      worker.postMessage(job);
    });
  }

  /** Waits for the jobs that were sent; safe to call twice. */
  async close(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }

  #start(): Worker {
    const worker = new Worker(new URL('./part-worker.js', import.meta.url));
    worker.on('message', (outcome: PartOutcome) => this.#waiting.shift()?.resolve(outcome));
    worker.on('error', (error) => this.#fail(error));
    worker.on('exit', () => this.#fail(new Error('a thread ended before its work')));
    return worker;
  }

  #fail(error: Error): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { reject } of waiting) reject(error);
  }
}
