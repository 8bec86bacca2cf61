import { alignDown, alignUp, type ByteRange } from './byte-range.ts';

/**
 * A set of bytes, kept as sorted, disjoint, merged half-open ranges: two numbers a run in one
 * Float64Array, so that a million runs cost 16 MiB and an empty terabyte costs nothing.
 *
 * Sets are immutable. `RangeSetBuilder` makes them from ranges in any order.
 */
export class RangeSet implements Iterable<ByteRange> {
  /**
   * The set without a byte.
   *
   * A getter, not a field: in a class with private methods TypeScript 7.0.2 emits a static field that
   * calls the constructor before the alias it calls is set, so the compiled module fails to load.
   */
  static get empty(): RangeSet {
    return new RangeSet(new Float64Array(0));
  }

  /** start, end, start, end, ... strictly ascending. */
  readonly #bounds: Float64Array;

  private constructor(bounds: Float64Array) {
    this.#bounds = bounds;
  }

  /** The bytes of all the ranges, which may overlap and be in any order. @throws {RangeError} on nonsense. */
  static of(...ranges: readonly ByteRange[]): RangeSet {
    const builder = new RangeSetBuilder();
    for (const range of ranges) builder.add(range.startByte, range.endByte);
    return builder.build();
  }

  /** @internal For this folder: takes ownership of strictly ascending bounds. */
  static fromBounds(bounds: Float64Array): RangeSet {
    return bounds.length === 0 ? RangeSet.empty : new RangeSet(bounds);
  }

  /** The number of runs. */
  get count(): number {
    return this.#bounds.length / 2;
  }

  /** True if there is no byte in the set. */
  get isEmpty(): boolean {
    return this.#bounds.length === 0;
  }

  /** The number of bytes in the set. */
  get lengthBytes(): number {
    let sum = 0;
    for (let index = 0; index < this.#bounds.length; index += 2) {
      sum += this.#bounds[index + 1]! - this.#bounds[index]!;
    }
    return sum;
  }

  /** The runs, ascending. */
  *[Symbol.iterator](): Iterator<ByteRange> {
    for (let index = 0; index < this.#bounds.length; index += 2) {
      yield { startByte: this.#bounds[index]!, endByte: this.#bounds[index + 1]! };
    }
  }

  /** Run number `index`, counted from 0. @throws {RangeError} if there is no such run. */
  at(index: number): ByteRange {
    const startByte = this.#bounds[index * 2];
    const endByte = this.#bounds[index * 2 + 1];
    if (startByte === undefined || endByte === undefined) throw new RangeError(`no run ${index}`);
    return { startByte, endByte };
  }

  /** True if every byte of the range is in the set. An empty range always is. */
  covers(startByte: number, endByte: number): boolean {
    if (startByte >= endByte) return true;
    const boundary = this.#firstBoundAbove(startByte);
    // An odd index is an end: `startByte` lies inside the run that ends there.
    return boundary % 2 === 1 && endByte <= this.#bounds[boundary]!;
  }

  /** True if at least one byte of the range is in the set. */
  intersects(startByte: number, endByte: number): boolean {
    if (startByte >= endByte) return false;
    const boundary = this.#firstBoundAbove(startByte);
    return (
      boundary % 2 === 1 || (boundary < this.#bounds.length && this.#bounds[boundary]! < endByte)
    );
  }

  /** The bytes that are in either set. */
  union(other: RangeSet): RangeSet {
    return this.#combine(other, (inThis, inOther) => inThis || inOther);
  }

  /** The bytes that are in both sets. */
  intersect(other: RangeSet): RangeSet {
    return this.#combine(other, (inThis, inOther) => inThis && inOther);
  }

  /** The bytes of this set that are not in the other. */
  subtract(other: RangeSet): RangeSet {
    return this.#combine(other, (inThis, inOther) => inThis && !inOther);
  }

  /** The part of `[startByte, endByte)` that is not in the set. */
  complementWithin(startByte: number, endByte: number): RangeSet {
    return RangeSet.of({ startByte, endByte }).subtract(this);
  }

  /** All ranges moved by `byBytes`, which may be negative. */
  shift(byBytes: number): RangeSet {
    return RangeSet.fromBounds(this.#bounds.map((bound) => bound + byBytes));
  }

  /** Grows every run to whole units, so that no byte of the set is lost; the end is cut at `limitByte`. */
  alignOut(unitBytes: number, limitByte: number): RangeSet {
    const builder = new RangeSetBuilder();
    for (const { startByte, endByte } of this) {
      builder.add(
        alignDown(startByte, unitBytes),
        Math.min(alignUp(endByte, unitBytes), limitByte),
      );
    }
    return builder.build();
  }

  /**
   * The set with its smallest gaps filled, so that at most `maxCount` runs are left. Nothing of the set
   * is lost, and of all sets of so few runs this one adds the least.
   */
  fillSmallestGaps(maxCount: number): RangeSet {
    const excess = this.count - Math.max(maxCount, 1);
    if (excess <= 0) return this;
    const gaps = new Float64Array(this.count - 1);
    for (let index = 0; index < gaps.length; index++) gaps[index] = this.#gapBehind(index);
    const sorted = gaps.toSorted();
    const largestFilled = sorted[excess - 1]!;
    // Of the gaps of exactly this size perhaps only some have to go.
    let ties = excess - sorted.indexOf(largestFilled);
    const result = new Float64Array(maxCount * 2);
    let length = 0;
    result[length++] = this.#bounds[0]!;
    for (let index = 0; index < this.count - 1; index++) {
      const gap = this.#gapBehind(index);
      if (gap < largestFilled || (gap === largestFilled && ties-- > 0)) continue;
      result[length++] = this.#bounds[index * 2 + 1]!;
      result[length++] = this.#bounds[index * 2 + 2]!;
    }
    result[length] = this.#bounds.at(-1)!;
    return RangeSet.fromBounds(result);
  }

  #gapBehind(index: number): number {
    return this.#bounds[index * 2 + 2]! - this.#bounds[index * 2 + 1]!;
  }

  /** The index of the first bound that is above `byte`, by bisection. */
  #firstBoundAbove(byte: number): number {
    let low = 0;
    let high = this.#bounds.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#bounds[middle]! <= byte) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** One sweep over the bounds of both sets: at each, a side goes in or out. */
  #combine(other: RangeSet, keep: (inThis: boolean, inOther: boolean) => boolean): RangeSet {
    const mine = this.#bounds;
    const theirs = other.#bounds;
    // Each result bound is a bound of one of the two.
    const result = new Float64Array(mine.length + theirs.length);
    let length = 0;
    let mineAt = 0;
    let theirsAt = 0;
    let inside = false;
    while (mineAt < mine.length || theirsAt < theirs.length) {
      const nextMine = mine[mineAt] ?? Infinity;
      const nextTheirs = theirs[theirsAt] ?? Infinity;
      const bound = Math.min(nextMine, nextTheirs);
      if (nextMine === bound) mineAt++;
      if (nextTheirs === bound) theirsAt++;
      const nowInside = keep(mineAt % 2 === 1, theirsAt % 2 === 1);
      if (nowInside !== inside) result[length++] = bound;
      inside = nowInside;
    }
    return RangeSet.fromBounds(result.slice(0, length));
  }
}

/** The buffer of a builder starts small: most sets have few runs. */
const FIRST_CAPACITY_RUNS = 64;

/**
 * Collects ranges in any order, overlapping or not. Ascending input is merged as it comes; the rest
 * is sorted and merged each time the buffer is full, so memory follows the number of merged runs.
 */
export class RangeSetBuilder {
  #bounds = new Float64Array(FIRST_CAPACITY_RUNS * 2);
  #length = 0;
  #isSorted = true;

  /** Adds `[startByte, endByte)`; an empty range adds nothing. @throws {RangeError} on nonsense. */
  add(startByte: number, endByte: number): void {
    if (startByte === endByte) return;
    if (!(
      startByte >= 0 &&
      startByte < endByte &&
      Number.isSafeInteger(endByte) &&
      Number.isInteger(startByte)
    )) {
      throw new RangeError(`not a byte range: ${startByte} to ${endByte}`);
    }
    // First of all: making room may sort the ranges, and with that change which one is the last.
    if (this.#length === this.#bounds.length) this.#makeRoom();
    if (this.#length > 0) {
      const last = this.#length - 2;
      const lastStart = this.#bounds[last]!;
      const lastEnd = this.#bounds[last + 1]!;
      if (startByte >= lastStart && startByte <= lastEnd) {
        if (endByte > lastEnd) this.#bounds[last + 1] = endByte;
        return;
      }
      if (startByte < lastStart) this.#isSorted = false;
    }
    this.#bounds[this.#length++] = startByte;
    this.#bounds[this.#length++] = endByte;
  }

  /** Adds every run of the set. */
  addAll(set: RangeSet): void {
    for (const { startByte, endByte } of set) this.add(startByte, endByte);
  }

  /** The set so far. The builder may be used on. */
  build(): RangeSet {
    this.#compact();
    return RangeSet.fromBounds(this.#bounds.slice(0, this.#length));
  }

  #makeRoom(): void {
    this.#compact();
    if (this.#length * 2 <= this.#bounds.length) return;
    const larger = new Float64Array(this.#bounds.length * 2);
    larger.set(this.#bounds.subarray(0, this.#length));
    this.#bounds = larger;
  }

  #compact(): void {
    if (this.#isSorted) return;
    this.#length = sortAndMerge(this.#bounds, this.#length);
    this.#isSorted = true;
  }
}

/**
 * Sorts the first `length` bounds as ranges, merges them in place and returns the new length. Starts
 * and ends are sorted apart (a typed array sorts without a callback): a sweep only needs to know how
 * many ranges are open.
 */
function sortAndMerge(bounds: Float64Array, length: number): number {
  const count = length / 2;
  const starts = new Float64Array(count);
  const ends = new Float64Array(count);
  for (let index = 0; index < count; index++) {
    starts[index] = bounds[index * 2]!;
    ends[index] = bounds[index * 2 + 1]!;
  }
  starts.sort();
  ends.sort();
  let merged = 0;
  let open = 0;
  let nextStart = 0;
  for (const end of ends) {
    // A range that starts where another ends is opened first: the two touch and become one.
    for (; nextStart < count && starts[nextStart]! <= end; nextStart++) {
      if (open++ === 0) bounds[merged++] = starts[nextStart]!;
    }
    if (--open === 0) bounds[merged++] = end;
  }
  return merged;
}
