/**
 * Shared libraries of the system, for what Node has not: decompressors. Their functions are called on
 * a thread of koffi's, so that a long call does not hold up signals, or at once where they are short.
 */
import { assertIntegers, loadKoffi } from './libc.ts';

/** A `Uint8Array` is passed as the address of its bytes, which the callee may also write. */
export type NativeArgument = number | bigint | Uint8Array | null;

export interface NativeLibrary {
  /** The name it was found under. */
  readonly name: string;

  has(symbol: string): boolean;

  /** Binds a function that returns a number or an address. `definition` is a C prototype. */
  bind(definition: string): (...args: readonly NativeArgument[]) => number | bigint;

  /**
   * The same, called on another thread. Whoever calls must keep the byte arrays referenced until the
   * promise is settled, and must leave them alone.
   */
  bindAsync(definition: string): (...args: readonly NativeArgument[]) => Promise<number | bigint>;

  /** Binds a function that returns a C string. */
  bindText(definition: string): (...args: readonly NativeArgument[]) => string | null;

  /** Where the bytes lie, for structures that point to them. Valid while `bytes` is referenced. */
  addressOf(bytes: Uint8Array): bigint;
}

/**
 * The first of `names` that the system has, or undefined if it has none of them.
 * @throws {SystemError} kind `no-native` where koffi cannot be loaded.
 */
export function loadLibrary(names: readonly string[]): NativeLibrary | undefined {
  const koffi = loadKoffi();
  for (const name of names) {
    const handle = tryLoad(koffi, name);
    if (handle !== undefined) return wrapLibrary(koffi, name, handle);
  }
  return undefined;
}

type Koffi = ReturnType<typeof loadKoffi>;
type Handle = ReturnType<Koffi['load']>;

function tryLoad(koffi: Koffi, name: string): Handle | undefined {
  try {
    return koffi.load(name);
  } catch {
    // koffi has only a text for it, and a library that cannot be loaded is as good as none.
    return undefined;
  }
}

function wrapLibrary(koffi: Koffi, name: string, handle: Handle): NativeLibrary {
  return {
    name,
    has(symbol) {
      try {
        handle.func(symbol, 'void', []);
        return true;
      } catch {
        return false;
      }
    },
    bind(definition) {
      const call = handle.func(definition) as (...args: readonly NativeArgument[]) => number;
      return (...args) => {
        assertNumbers(args);
        return call(...args);
      };
    },
    bindAsync(definition) {
      const call = handle.func(definition);
      return (...args) =>
        new Promise((resolve, reject) => {
          assertNumbers(args);
          call.async(...args, (error: Error | null, value: number | bigint) => {
            if (error) reject(error);
            else resolve(value);
          });
        });
    },
    bindText(definition) {
      const call = handle.func(definition) as (...args: readonly NativeArgument[]) => string | null;
      return (...args) => {
        assertNumbers(args);
        return call(...args);
      };
    },
    addressOf: (bytes) => koffi.address(bytes),
  };
}

function assertNumbers(args: readonly NativeArgument[]): void {
  assertIntegers(...args.filter((value) => typeof value === 'number'));
}
