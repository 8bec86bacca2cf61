/**
 * The single load of koffi, and the few C functions that everything else here is made of. It happens
 * with the first call, so that a program that makes none runs where koffi does not.
 *
 * Only for Linux on 64-bit processors whose ioctl numbers and calling convention are those described
 * in README.md of this folder; elsewhere the load is refused before anything is called.
 */
import { createRequire } from 'node:module';
import { arch, constants, platform } from 'node:os';

import { SystemError } from '../src/errors/errors.ts';

/** An open file, and its name for messages. */
export interface OpenFile {
  readonly fileDescriptor: number;
  readonly path: string;
}

/** What a C function returned, or the name of the errno it set. */
export type CallResult =
  | { readonly kind: 'returned'; readonly value: number }
  | { readonly kind: 'failed'; readonly errno: string };

export interface Libc {
  /** `argument` is read and written in place. */
  ioctl(fileDescriptor: number, request: number, argument: Uint8Array): CallResult;
  /** As `ioctl`, in a thread of its own: for what may take seconds. `argument` must be left alone. */
  ioctlAsync(fileDescriptor: number, request: number, argument: Uint8Array): Promise<CallResult>;
  lseek(fileDescriptor: number, offsetBytes: number, whence: number): CallResult;
  posixFadvise(
    fileDescriptor: number,
    offsetBytes: number,
    lengthBytes: number,
    advice: number,
  ): CallResult;
  /** In a thread of its own. */
  fallocateAsync(
    fileDescriptor: number,
    mode: number,
    offsetBytes: number,
    lengthBytes: number,
  ): Promise<CallResult>;
  /** `argument` is read and written in place. */
  fcntl(fileDescriptor: number, command: number, argument: Uint8Array): CallResult;
  /** In a thread of its own; both files at the same offset. The value is the number of bytes copied. */
  copyFileRangeAsync(
    fromDescriptor: number,
    toDescriptor: number,
    offsetBytes: number,
    lengthBytes: number,
  ): Promise<CallResult>;
}

/** A function of koffi's that can be called in a thread of its own as well. */
type NativeFunction = ((...args: readonly unknown[]) => number | bigint) & {
  async(...args: readonly unknown[]): void;
};

/** Where Linux uses asm-generic/ioctl.h and C's `long` has 64 bits. */
const ARCHITECTURES: readonly string[] = ['arm64', 'loong64', 'riscv64', 'x64'];

const ERRNO_NAMES = new Map(Object.entries(constants.errno).map(([name, code]) => [code, name]));

let loaded: Libc | undefined;

/** @throws {SystemError} kind `no-native` where koffi cannot be loaded. */
export function loadLibc(): Libc {
  loaded ??= bindLibc();
  return loaded;
}

/** The error for a call that failed. */
export function callError(file: OpenFile, call: string, errno: string): SystemError {
  return SystemError.from({ code: errno, message: `${call} failed` }, file.path);
}

function bindLibc(): Libc {
  const koffi = loadKoffi();
  // The program itself: it is linked with the C library of the system, whichever that is.
  const library = koffi.load(null);
  // Declared with fixed arguments, see README.md.
  const ioctl = library.func(
    'int ioctl(int fd, unsigned long request, void *argument)',
  ) as NativeFunction;
  const fcntl = library.func('int fcntl(int fd, int command, void *argument)') as NativeFunction;
  const fallocate = library.func(
    'int fallocate(int fd, int mode, int64_t offset, int64_t length)',
  ) as NativeFunction;
  const copyFileRange = library.func(
    'int64_t copy_file_range(int from, int64_t *from_at, int to, int64_t *to_at, size_t length, unsigned int flags)',
  ) as NativeFunction;
  const fadvise = library.func(
    'int posix_fadvise(int fd, int64_t offset, int64_t length, int advice)',
  ) as (fd: number, offset: number, length: number, advice: number) => number;
  const lseek = library.func('int64_t lseek(int fd, int64_t offset, int whence)') as (
    fd: number,
    offset: number,
    whence: number,
  ) => number | bigint;

  // errno must be read before anything else is called.
  const toResult = (value: number | bigint): CallResult =>
    Number(value) === -1
      ? { kind: 'failed', errno: ERRNO_NAMES.get(koffi.errno()) ?? 'EUNKNOWN' }
      : { kind: 'returned', value: Number(value) };
  // The other thread reads and writes the arrays among the arguments: they must outlive the call.
  const inFlight = new Set<readonly unknown[]>();
  const callAsync = async (call: NativeFunction, ...args: readonly unknown[]) =>
    new Promise<CallResult>((resolve, reject) => {
      inFlight.add(args);
      call.async(...args, (error: Error | null, value: number | bigint) => {
        const result = toResult(value);
        inFlight.delete(args);
        if (error === null) resolve(result);
        else reject(error);
      });
    });
  return {
    ioctl(fileDescriptor, request, argument) {
      assertIntegers(fileDescriptor, request);
      return toResult(ioctl(fileDescriptor, request, argument));
    },
    async ioctlAsync(fileDescriptor, request, argument) {
      assertIntegers(fileDescriptor, request);
      return callAsync(ioctl, fileDescriptor, request, argument);
    },
    lseek(fileDescriptor, offsetBytes, whence) {
      assertIntegers(fileDescriptor, offsetBytes, whence);
      return toResult(lseek(fileDescriptor, offsetBytes, whence));
    },
    posixFadvise(fileDescriptor, offsetBytes, lengthBytes, advice) {
      assertIntegers(fileDescriptor, offsetBytes, lengthBytes, advice);
      // The one function that returns its errno.
      const errno = fadvise(fileDescriptor, offsetBytes, lengthBytes, advice);
      return errno === 0
        ? { kind: 'returned', value: 0 }
        : { kind: 'failed', errno: ERRNO_NAMES.get(errno) ?? 'EUNKNOWN' };
    },
    async fallocateAsync(fileDescriptor, mode, offsetBytes, lengthBytes) {
      assertIntegers(fileDescriptor, mode, offsetBytes, lengthBytes);
      return callAsync(fallocate, fileDescriptor, mode, offsetBytes, lengthBytes);
    },
    fcntl(fileDescriptor, command, argument) {
      assertIntegers(fileDescriptor, command);
      return toResult(fcntl(fileDescriptor, command, argument));
    },
    async copyFileRangeAsync(fromDescriptor, toDescriptor, offsetBytes, lengthBytes) {
      assertIntegers(fromDescriptor, toDescriptor, offsetBytes, lengthBytes);
      // Two of them, since the kernel moves both.
      const fromAt = BigInt64Array.of(BigInt(offsetBytes));
      const toAt = BigInt64Array.of(BigInt(offsetBytes));
      return callAsync(copyFileRange, fromDescriptor, fromAt, toDescriptor, toAt, lengthBytes, 0);
    },
  };
}

/** For `load-library.ts`. @throws {SystemError} kind `no-native`. */
export function loadKoffi(): typeof import('koffi') {
  if (platform() !== 'linux' || !ARCHITECTURES.includes(arch())) {
    const problem = `system calls are not made on ${platform()} ${arch()}, only on 64-bit Linux; bmap scan needs none`;
    throw new SystemError('no-native', undefined, problem);
  }
  try {
    // Not an import, which would load it with this module.
    return createRequire(import.meta.url)('koffi') as typeof import('koffi');
  } catch (error) {
    const problem =
      'the package koffi could not be loaded, and with it no system call can be made; install the dependencies with `npm ci`, without leaving out optional ones';
    throw new SystemError('no-native', undefined, problem, { cause: error });
  }
}

/** koffi turns fractions and NaN into integers without a word. @throws {RangeError} */
export function assertIntegers(...values: readonly number[]): void {
  for (const value of values) {
    if (!Number.isSafeInteger(value)) throw new RangeError(`not an integer: ${value}`);
  }
}
