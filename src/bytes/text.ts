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

const ZEROS = Buffer.alloc(64 * 1024);

/** True if every byte is zero; true for no bytes. */
export function isAllZero(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at += ZEROS.length) {
    const end = Math.min(at + ZEROS.length, bytes.length);
    // A comparison of memory: several times faster than a loop over bytes.
    if (ZEROS.compare(bytes, at, end, 0, end - at) !== 0) return false;
  }
  return true;
}

export function bytesEqual(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}

/** `digits` in the order of the bytes on disk. */
export function hexBytes(digits: string): Uint8Array {
  return Uint8Array.from(Buffer.from(digits, 'hex'));
}

/** One byte for each character: for magics with bytes that are no ASCII. */
export function latin1Bytes(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}
