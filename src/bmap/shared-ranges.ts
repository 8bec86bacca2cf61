/**
 * Ranges that several threads work on, laid out in memory that they share. Each thread takes one range
 * after the other by an atomic counter, so nobody deals out work and a thread that meets a slow part of
 * a file does not hold up the rest.
 */
export interface SharedRanges {
  /** Start and end byte of each range. */
  readonly bounds: Float64Array;
  /** The numbers of the ranges in the order in which they are taken: largest first, so that no thread is left alone with one at the end. */
  readonly order: Uint32Array;
  /** How many ranges have been taken, and whether to stop. See the indices below. */
  readonly control: Int32Array;
  /** One number: the bytes done so far by all threads. */
  readonly bytesDone: BigInt64Array;
}

const TAKEN = 0;
const STOPPED = 1;

/** `bounds` holds start and end byte of each range. */
export function shareRanges(bounds: readonly number[]): SharedRanges {
  const count = bounds.length / 2;
  const sharedBounds = new Float64Array(new SharedArrayBuffer(bounds.length * 8));
  sharedBounds.set(bounds);
  const order = new Uint32Array(new SharedArrayBuffer(count * 4));
  order.set(order.map((_, index) => index));
  const lengthOf = (index: number) => boundsLength(sharedBounds, index);
  order.sort((left, right) => lengthOf(right) - lengthOf(left));
  return {
    bounds: sharedBounds,
    order,
    control: new Int32Array(new SharedArrayBuffer(8)),
    bytesDone: new BigInt64Array(new SharedArrayBuffer(8)),
  };
}

function boundsLength(bounds: Float64Array, index: number): number {
  return bounds[index * 2 + 1]! - bounds[index * 2]!;
}

/** The longest range as a share of all bytes, 0 to 1; 1 if there is no range. */
export function longestShare({ bounds, order }: SharedRanges): number {
  const [longest] = order;
  if (longest === undefined) return 1;
  const totalBytes = order.reduce((sum, index) => sum + boundsLength(bounds, index), 0);
  return boundsLength(bounds, longest) / totalBytes;
}

/** The number of the next range that nobody has taken; undefined if there is none. */
export function takeRange({ order, control }: SharedRanges): number | undefined {
  return order[Atomics.add(control, TAKEN, 1)];
}

/** Asks all threads to end soon. */
export function stopWork({ control }: SharedRanges): void {
  Atomics.store(control, STOPPED, 1);
}

/** Whether `stopWork` was called. */
export function isWorkStopped({ control }: SharedRanges): boolean {
  return Atomics.load(control, STOPPED) !== 0;
}

export function noteBytesDone({ bytesDone }: SharedRanges, count: number): void {
  Atomics.add(bytesDone, 0, BigInt(count));
}

/** The bytes done so far by all threads. */
export function readBytesDone({ bytesDone }: SharedRanges): number {
  return Number(Atomics.load(bytesDone, 0));
}
