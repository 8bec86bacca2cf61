import { availableParallelism } from 'node:os';

/** What Node takes unless it is told. */
const MIN_THREADS = 4;

/**
 * Has Node's thread pool, where blocks are decoded and files read and written, use all cores, unless the
 * user has set its size. To be called before the pool is first used.
 */
export function sizeThreadPool(): void {
  const threads = Math.max(availableParallelism() + 2, MIN_THREADS);
  process.env['UV_THREADPOOL_SIZE'] ??= String(threads);
}
