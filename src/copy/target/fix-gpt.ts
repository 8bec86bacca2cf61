/** Moves the backup GPT of a freshly written disk to the disk's end. */
import { MismatchError } from '../../errors/errors.ts';
import type { Finding } from '../../errors/finding.ts';
import type { DeviceFacts } from '../../host/device-facts.ts';
import { FileReader } from '../../image/file-reader.ts';
import { planGptMove } from '../../partition/move-gpt.ts';
import type { CopyTarget } from './copy-target.ts';

/**
 * @param endByte the size of the image: of a larger image than the disk, only its backup GPT may be cut.
 * @throws {CorruptError} if the primary GPT is damaged. @throws {MismatchError} kinds `gpt-does-not-fit`, `cut-data`.
 */
export async function fixGpt(
  target: CopyTarget,
  device: DeviceFacts,
  endByte: number,
): Promise<Finding | undefined> {
  const { sectorBytes, sizeBytes } = device;
  await target.flush();
  const reader = new FileReader(target.path, { deviceSizeBytes: sizeBytes });
  try {
    const move = planGptMove(reader, sectorBytes);
    const isCut = endByte > sizeBytes;
    if (isCut && move?.formerLba !== Math.floor(endByte / sectorBytes) - 1) {
      throw new MismatchError(
        'cut-data',
        `${target.path}: is smaller than the image, and what did not fit was not the backup of a GPT; use a larger target`,
      );
    }
    if (move === undefined) {
      const text = `${target.path}: no backup GPT was moved; there is no GPT with sectors of ${sectorBytes} bytes, or its backup is in place`;
      return { level: 'info', code: 'copy.gpt-not-moved', text };
    }
    for (const part of move.writes) await target.write([part]);
    await target.flush();
    return undefined;
  } finally {
    reader.close();
  }
}
