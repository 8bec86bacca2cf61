/**
 * Sizes and shares in the words that bmaptool uses in the comments of a map and in its messages. Maps are compared
 * byte for byte, so its quirks are kept: bytes up to 511, 1 PiB and more counted in TiB but called EiB.
 */

/** For example `802.5 KiB`. */
export function formatHumanSize(sizeBytes: number): string {
  if (sizeBytes === 1) return '1 byte';
  if (sizeBytes < 512) return `${sizeBytes} bytes`;
  let size = sizeBytes;
  for (const unit of ['KiB', 'MiB', 'GiB', 'TiB']) {
    size /= 1024;
    if (size < 1024) return `${formatTenths(size)} ${unit}`;
  }
  return `${formatTenths(size)} EiB`;
}

/** `part` of `whole` as `35.1%`. An empty whole is wholly there. */
export function formatPercent(part: number, whole: number): string {
  return whole === 0 ? '100.0%' : `${formatTenths((part * 100) / whole)}%`;
}

/**
 * One decimal, exact halves to the even digit as C's `%.1f` has it; `toFixed` rounds them up. A
 * binary fraction is such a half only if it ends in .25 or .75, and the two differ only for .25.
 */
function formatTenths(value: number): string {
  return value % 1 === 0.25 ? `${Math.floor(value)}.2` : value.toFixed(1);
}
