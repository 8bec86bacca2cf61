/** The part of the npm package `fatfs` 0.10.8 that is used. It ships no types. */
declare module 'fatfs' {
  import type { Readable } from 'node:stream';

  export interface Driver {
    readonly sectorSize: number;
    readonly numSectors: number;
    readSectors(firstSector: number, target: Buffer, done: (error?: Error | null) => void): void;
  }

  export interface FatFilesystem {
    readdir(path: string, done: (error: Error | null, names: string[]) => void): void;
    /** Emits `open`, then data; an error with code `ISDIR` for a directory. */
    createReadStream(path: string, options: { highWaterMark: number }): Readable;
  }

  export interface Fatfs {
    createFileSystem(
      driver: Driver,
      options: { ro: boolean },
      done: (error: Error | null) => void,
    ): FatFilesystem;
  }

  const fatfs: Fatfs;
  export default fatfs;
}
