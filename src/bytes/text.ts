/** Decodes a zero-terminated or padded name from disk. Invalid UTF-8 becomes U+FFFD. */
export function readText(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end === -1 ? bytes : bytes.subarray(0, end));
}

/** True if `bytes` holds the ASCII text `text` at `startByte`. */
export function hasAscii(bytes: Uint8Array, startByte: number, text: string): boolean {
  if (startByte + text.length > bytes.length) return false;
  for (let index = 0; index < text.length; index++) {
    if (bytes[startByte + index] !== text.charCodeAt(index)) return false;
  }
  return true;
}

/** True if every byte is zero. Compares eight bytes a step once aligned. */
export function isAllZero(bytes: Uint8Array): boolean {
  let at = 0;
  const { length } = bytes;
  while (at < length && ((bytes.byteOffset + at) & 7) !== 0) if (bytes[at++] !== 0) return false;
  const wordCount = (length - at) >>> 3;
  const words = new BigUint64Array(bytes.buffer, bytes.byteOffset + at, wordCount);
  for (let index = 0; index < wordCount; index++) if (words[index] !== 0n) return false;
  for (at += wordCount * 8; at < length; at++) if (bytes[at] !== 0) return false;
  return true;
}
