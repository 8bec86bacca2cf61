const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** A GUID as GPT stores it (UEFI 2.10, appendix A): the first three parts are little-endian. */
export function formatGuid(bytes: Uint8Array): string {
  return joinUuid([3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15], bytes).toUpperCase();
}

/** A UUID as filesystems store it (RFC 9562): all bytes in the order they are printed. */
export function formatUuid(bytes: Uint8Array): string {
  return joinUuid([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15], bytes);
}

function joinUuid(order: readonly number[], bytes: Uint8Array): string {
  const hex = order.map((index) => HEX[bytes[index] ?? 0]).join('');
  return [8, 12, 16, 20, 32]
    .map((end, part, ends) => hex.slice(part === 0 ? 0 : ends[part - 1], end))
    .join('-');
}
