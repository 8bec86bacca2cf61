/**
 * On-disk structures as data: a table of the specification's field names, each at its offset.
 * One table serves the reader, the tests that change one field, and the documentation.
 */

/** How one field is taken out of, and put into, the bytes of its structure. */
export interface Field<T> {
  readonly startByte: number;
  readonly lengthBytes: number;
  read(view: DataView): T;
  write(view: DataView, value: T): void;
}

export type Fields = Readonly<Record<string, Field<never>>>;

export interface Layout<F> {
  /** The specification's name of the structure, used in messages. */
  readonly name: string;
  readonly lengthBytes: number;
  readonly fields: F;
}

/** The values of a structure under the specification's names. */
export type Decoded<F> = { readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never };

/** Declares a structure. @throws {RangeError} for a field that lies outside it: our own mistake. */
export function layout<F extends Readonly<Record<string, unknown>>>(
  name: string,
  lengthBytes: number,
  fields: F,
): Layout<F> {
  for (const [fieldName, field] of Object.entries(fields as Fields)) {
    if (field.startByte + field.lengthBytes > lengthBytes) {
      throw new RangeError(`${name}: field ${fieldName} ends behind byte ${lengthBytes}`);
    }
  }
  return { name, lengthBytes, fields };
}

/**
 * Reads all fields of a structure at `startByte` of `bytes`. `byteRun` fields are views, not copies.
 * @throws {RangeError} if `bytes` is too short: callers read the exact length first.
 */
export function decode<F extends Readonly<Record<string, unknown>>>(
  structure: Layout<F>,
  bytes: Uint8Array,
  startByte = 0,
): Decoded<F> {
  const view = viewOf(structure, bytes, startByte);
  const values: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(structure.fields)) {
    values[name] = (field as Field<unknown>).read(view);
  }
  return values as Decoded<F>;
}

/** Writes the named fields into `bytes` in place. The tests' way to make one thing wrong. */
export function encodeInto<F extends Readonly<Record<string, unknown>>>(
  structure: Layout<F>,
  bytes: Uint8Array,
  changes: Partial<Decoded<F>>,
  startByte = 0,
): void {
  const view = viewOf(structure, bytes, startByte);
  for (const [name, value] of Object.entries(changes)) {
    (structure.fields[name] as Field<unknown>).write(view, value);
  }
}

function viewOf(structure: Layout<unknown>, bytes: Uint8Array, startByte: number): DataView {
  if (startByte < 0 || bytes.length - startByte < structure.lengthBytes) {
    throw new RangeError(`${structure.name}: ${structure.lengthBytes} bytes wanted`);
  }
  return new DataView(bytes.buffer, bytes.byteOffset + startByte, structure.lengthBytes);
}

export function u8(startByte: number): Field<number> {
  return {
    startByte,
    lengthBytes: 1,
    read: (view) => view.getUint8(startByte),
    write: (view, value) => view.setUint8(startByte, value),
  };
}

function u16(startByte: number, littleEndian: boolean): Field<number> {
  return {
    startByte,
    lengthBytes: 2,
    read: (view) => view.getUint16(startByte, littleEndian),
    write: (view, value) => view.setUint16(startByte, value, littleEndian),
  };
}

function u32(startByte: number, littleEndian: boolean): Field<number> {
  return {
    startByte,
    lengthBytes: 4,
    read: (view) => view.getUint32(startByte, littleEndian),
    write: (view, value) => view.setUint32(startByte, value, littleEndian),
  };
}

/** 64-bit numbers stay `bigint` until `toSafeNumber` has judged them. */
function u64(startByte: number, littleEndian: boolean): Field<bigint> {
  return {
    startByte,
    lengthBytes: 8,
    read: (view) => view.getBigUint64(startByte, littleEndian),
    write: (view, value) => view.setBigUint64(startByte, value, littleEndian),
  };
}

export const u16le = (startByte: number): Field<number> => u16(startByte, true);
export const u16be = (startByte: number): Field<number> => u16(startByte, false);
export const u32le = (startByte: number): Field<number> => u32(startByte, true);
export const u32be = (startByte: number): Field<number> => u32(startByte, false);
export const u64le = (startByte: number): Field<bigint> => u64(startByte, true);
export const u64be = (startByte: number): Field<bigint> => u64(startByte, false);

/** A run of raw bytes: UUIDs, checksums, labels, nested structures. */
export function byteRun(startByte: number, lengthBytes: number): Field<Uint8Array> {
  return {
    startByte,
    lengthBytes,
    read: (view) => new Uint8Array(view.buffer, view.byteOffset + startByte, lengthBytes),
    write: (view, value) => {
      if (value.length !== lengthBytes) throw new RangeError(`${lengthBytes} bytes wanted`);
      new Uint8Array(view.buffer, view.byteOffset + startByte, lengthBytes).set(value);
    },
  };
}
