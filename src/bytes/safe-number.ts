import { CorruptError, type Place } from '../errors/errors.ts';

/**
 * Turns a 64-bit number from disk into a JavaScript number.
 * @throws {CorruptError} kind `number-too-large` above 2^53-1: no image has such offsets.
 */
export function toSafeNumber(value: bigint, name: string, place: Place): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new CorruptError('number-too-large', place, `${name} is ${value}, above 2^53-1`);
  }
  return Number(value);
}

/** Joins the two 32-bit halves that ext4 and others keep apart. Below 2^53 only if `high` < 2^21. */
export function joinHalves(low: number, high: number): bigint {
  return (BigInt(high) << 32n) | BigInt(low);
}
