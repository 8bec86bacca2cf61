import { closeSync, openSync, writeSync } from 'node:fs';

/** Changes bytes of a file in place. Text is one byte a character. */
export function overwrite(file: string, startByte: number, bytes: Uint8Array | string): void {
  const content = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes;
  const handle = openSync(file, 'r+');
  writeSync(handle, content, 0, content.length, startByte);
  closeSync(handle);
}
