/** The part of the npm package `ext2fs` 4.2.5 that is used. It ships no types. */
declare module 'ext2fs' {
  export interface Disk {
    read(
      buffer: Buffer,
      bufferOffset: number,
      lengthBytes: number,
      startByte: number,
    ): Promise<void>;
    write(): Promise<void>;
    discard(startByte: number, lengthBytes: number): Promise<void>;
    flush(): Promise<void>;
  }

  export interface MountedFilesystem {
    /** Calls `discard` of the disk for every run of free blocks. */
    trim(): Promise<void>;
  }

  export interface Ext2fs {
    mount(disk: Disk, startByte?: number): Promise<MountedFilesystem>;
  }

  const ext2fs: Ext2fs;
  export default ext2fs;
}
