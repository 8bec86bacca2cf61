/**
 * What can be asked of a block device beside reading and writing. Linux: include/uapi/linux/fs.h and
 * block/ioctl.c. The calls that may take long run in a thread of their own.
 */
import { callError, loadLibc, type OpenFile } from './libc.ts';

/** _IO(0x12, 95) */
const BLKRRPART = 0x125f;
/** _IO(0x12, 97) */
const BLKFLSBUF = 0x1261;
/** _IO(0x12, 119); the argument is start and length in bytes, two u64 */
const BLKDISCARD = 0x1277;
/** _IO(0x12, 127); as BLKDISCARD */
const BLKZEROOUT = 0x127f;

/** Tells the device that a range, aligned to its sectors, is not used. What it reads as later is open. */
export async function discardRange(
  device: OpenFile,
  startByte: number,
  lengthBytes: number,
): Promise<void> {
  await callOnRange(device, 'BLKDISCARD', BLKDISCARD, startByte, lengthBytes);
}

/** Makes a range, aligned to the device's sectors, read as zeros; the kernel picks the fastest way. */
export async function zeroRange(
  device: OpenFile,
  startByte: number,
  lengthBytes: number,
): Promise<void> {
  await callOnRange(device, 'BLKZEROOUT', BLKZEROOUT, startByte, lengthBytes);
}

/** Writes what is cached and forgets it, so that the next read asks the device. Needs CAP_SYS_ADMIN. */
export async function flushBuffers(device: OpenFile): Promise<void> {
  await call(device, 'BLKFLSBUF', BLKFLSBUF, new Uint8Array(0));
}

/**
 * Has the kernel read the partition table again.
 * @throws {SystemError} `EBUSY` if a partition is in use, `EINVAL` for what has no partitions.
 */
export async function rereadPartitionTable(device: OpenFile): Promise<void> {
  await call(device, 'BLKRRPART', BLKRRPART, new Uint8Array(0));
}

async function callOnRange(
  device: OpenFile,
  name: string,
  request: number,
  startByte: number,
  lengthBytes: number,
): Promise<void> {
  const range = BigUint64Array.of(BigInt(startByte), BigInt(lengthBytes));
  await call(device, name, request, new Uint8Array(range.buffer));
}

async function call(
  device: OpenFile,
  name: string,
  request: number,
  argument: Uint8Array,
): Promise<void> {
  const result = await loadLibc().ioctlAsync(device.fileDescriptor, request, argument);
  if (result.kind === 'failed') throw callError(device, name, result.errno);
}
