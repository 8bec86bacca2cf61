/**
 * Makes the block map of a sparse file from its holes: what bmaptool's `create` does. What the image
 * holds is not looked at; `scan` does that.
 */
import { CorruptError, RefusedError, SystemError } from '../errors/errors.ts';
import type { Bmap } from './bmap.ts';
import { buildBmap } from './build-bmap.ts';
import { readDataRanges, type HoleCalls, type OpenFile } from './hole-map.ts';

/** The module parameter `zfs_dmu_offset_next_sync`. */
export interface ZfsParameter {
  /** Where it is read and set. */
  readonly path: string;
  /** Undefined if it cannot be read. */
  readonly value: string | undefined;
}

/** What is asked of the machine. */
export interface CreateHost extends HoleCalls {
  /** Writes the file's data to its disk: delayed allocations would look like holes. */
  sync(file: OpenFile): void;
  /** The block size of the filesystem that the file lies on. */
  readBlockSize(file: OpenFile): number;
  /** `f_type` of statfs. */
  readFilesystemType(file: OpenFile): number;
  /** Asked only on ZFS. */
  readZfsParameter(): ZfsParameter;
}

export interface CreateBmapOptions extends OpenFile {
  readonly imageSizeBytes: number;
  readonly withChecksums: boolean;
  readonly host: CreateHost;
  readonly onProgress?: (bytesDone: number, bytesTotal: number) => void;
  readonly signal?: AbortSignal;
}

/** OpenZFS: include/os/linux/zfs/sys/zfs_vfsops_os.h, ZFS_SUPER_MAGIC. */
const ZFS_TYPE = 0x2fc1_2fc1;

/**
 * @throws {CorruptError} kind `empty-image`.
 * @throws {RefusedError} kind `zfs-holes` on ZFS that does not report holes reliably.
 * @throws {SystemError} if the image cannot be read, or its filesystem does not tell about holes.
 */
export async function createBmap(options: CreateBmapOptions): Promise<Bmap> {
  const { host, path, fileDescriptor, imageSizeBytes } = options;
  const file = { fileDescriptor, path };
  if (imageSizeBytes === 0) {
    const problem = `cannot generate bmap for zero-sized image file '${path}'`;
    throw new CorruptError('empty-image', { structure: path }, problem);
  }
  syncFile(host, file);
  assertHolesAreReported(host, file);
  return buildBmap({
    ...options,
    blockSizeBytes: host.readBlockSize(file),
    mapped: readDataRanges(file, imageSizeBytes, host),
  });
}

function syncFile(host: CreateHost, file: OpenFile): void {
  try {
    host.sync(file);
  } catch (error) {
    const failure = SystemError.from(error, file.path);
    // A read-only filesystem has nothing to write; squashfs and others say EINVAL to that.
    if (failure.kind !== 'EROFS' && failure.kind !== 'EINVAL') throw failure;
  }
}

/** ZFS calls data that was not written yet a hole, unless it is told to write it when asked. */
function assertHolesAreReported(host: CreateHost, file: OpenFile): void {
  if (host.readFilesystemType(file) !== ZFS_TYPE) return;
  const { path, value } = host.readZfsParameter();
  if (value === '1') return;
  throw new RefusedError(
    'zfs-holes',
    `${file.path}: lies on ZFS, which may report data as holes while zfs_dmu_offset_next_sync is ${value ?? 'not known'}; set it with: echo 1 > ${path}`,
  );
}
