/** Output files appear whole or not at all: a half-written map would be taken for a map. */
import {
  closeSync,
  fsyncSync,
  openSync,
  realpathSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';

import { localPathOf } from '../../copy/source/location.ts';
import { RefusedError, SystemError, UsageError } from '../../errors/errors.ts';

/**
 * To be asked before long work: may this path be written?
 * @throws {UsageError} kind `output-is-image` if it is the image itself, by whatever name.
 * @throws {RefusedError} kind `output-is-device` if it is a block device.
 */
export function assertWritableOutput(output: string, image: string): void {
  const target = statSync(output, { throwIfNoEntry: false });
  const imagePath = localPathOf(image);
  const source =
    imagePath === undefined ? undefined : statSync(imagePath, { throwIfNoEntry: false });
  if (target === undefined) return;
  if (source !== undefined && target.dev === source.dev && target.ino === source.ino) {
    throw new UsageError('output-is-image', `${output}: is the image itself; name another file`);
  }
  if (target.isBlockDevice()) {
    throw new RefusedError('output-is-device', `${output}: is a block device; name a file`);
  }
}

/**
 * Writes a temporary file beside the target, flushes it and renames it over the target. Pipes and
 * character devices are written directly. @throws {SystemError} if any of that fails.
 */
export function writeWholeFile(output: string, data: Uint8Array | string): void {
  try {
    const existing = statSync(output, { throwIfNoEntry: false });
    if (existing === undefined) replaceFile(output, data);
    // A link stays a link: what it leads to is replaced.
    else if (existing.isFile()) replaceFile(realpathSync(output), data);
    else writeFileSync(output, data);
  } catch (error) {
    throw SystemError.from(error, output);
  }
}

function replaceFile(target: string, data: Uint8Array | string): void {
  const temporary = path.join(path.dirname(target), `.${path.basename(target)}.${process.pid}.tmp`);
  const file = openSync(temporary, 'wx');
  try {
    writeFileSync(file, data);
    fsyncSync(file);
    closeSync(file);
    renameSync(temporary, target);
  } catch (error) {
    unlinkSync(temporary);
    throw error;
  }
}
