/**
 * A thread of `findUsedRangesWithFatfs`: lists every directory, reads every file, and notes which
 * sectors the package asks for. The content of files is not read from the image: where it lies is the
 * answer, and the package does not look at it.
 */
import { parentPort, workerData } from 'node:worker_threads';

import fatfs, { type Driver, type FatFilesystem } from 'fatfs';

import { FileReader } from '../src/image/file-reader.ts';
import type { ImageReader } from '../src/image/image-reader.ts';
import { WindowReader } from '../src/image/window-reader.ts';
import { RangeSetBuilder } from '../src/ranges/range-set.ts';
import { judgeForFatfs } from './fatfs-limits.ts';
import {
  boundsOf,
  describeFailure,
  type ThreadMessage,
  type VolumeRequest,
} from './reader-thread.ts';

const CHUNK_BYTES = 1024 * 1024;
/** Deeper than any path that fits into the 260 characters of Windows. */
const MAX_DEPTH = 130;

const { path, startByte, lengthBytes } = workerData as VolumeRequest;
const file = new FileReader(path, { deviceSizeBytes: startByte + lengthBytes });
const answer = await askPackage(new WindowReader(file, startByte, lengthBytes));
// A port between threads: there is no origin to name.
// oxlint-disable-next-line unicorn/require-post-message-target-origin
parentPort?.postMessage(answer);

async function askPackage(reader: ImageReader): Promise<ThreadMessage> {
  const fitness = judgeForFatfs(reader.readAt(0, 512));
  if (fitness.kind === 'refused') return fitness;
  const { sectorBytes, dataSector } = fitness;
  const used = new RangeSetBuilder();
  const content = { isRead: false };
  const driver = {
    sectorSize: sectorBytes,
    numSectors: Math.floor(reader.sizeBytes / sectorBytes),
    readSectors(firstSector: number, target: Buffer, done: (error?: Error | null) => void): void {
      // For an empty file it asks for cluster 0, which lies before the first, and uses nothing of it.
      if (firstSector >= 0) {
        const position = firstSector * sectorBytes;
        if (position + target.length > reader.sizeBytes) {
          setImmediate(
            done,
            new Error(`it asked for sector ${firstSector}, outside of the volume`),
          );
          return;
        }
        used.add(position, position + target.length);
        const isContent = content.isRead && firstSector >= dataSector;
        if (!isContent) target.set(reader.readAt(position, target.length));
      }
      setImmediate(done);
    },
  };
  try {
    await walk(await openFilesystem(driver), content);
  } catch (error) {
    return { kind: 'refused', reason: `it failed: ${describeFailure(error)}` };
  }
  return { kind: 'ranges', bounds: boundsOf(used.build()) };
}

function openFilesystem(driver: Driver): Promise<FatFilesystem> {
  return new Promise((resolve, reject) => {
    const filesystem = fatfs.createFileSystem(driver, { ro: true }, (error) => {
      if (error === null) resolve(filesystem);
      else reject(error);
    });
  });
}

async function walk(filesystem: FatFilesystem, content: { isRead: boolean }): Promise<void> {
  const waiting = ['/'];
  for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
    if (folder.split('/').length > MAX_DEPTH) throw new Error('the directories do not end');
    for (const name of await listFolder(filesystem, folder)) {
      const inner = `${folder}${name}`;
      const isFolder = await readFile(filesystem, inner, content);
      if (isFolder) waiting.push(`${inner}/`);
    }
  }
}

function listFolder(filesystem: FatFilesystem, folder: string): Promise<string[]> {
  return new Promise((resolve, reject) => {
    filesystem.readdir(folder, (error, names) => {
      if (error === null) resolve(names);
      else reject(error);
    });
  });
}

/** Reads a file to its end. @returns true if it is a directory. */
function readFile(
  filesystem: FatFilesystem,
  name: string,
  content: { isRead: boolean },
): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const stream = filesystem.createReadStream(name, { highWaterMark: CHUNK_BYTES });
    // Until it is open, the directories on its path are read.
    stream.once('open', () => (content.isRead = true));
    stream.once('end', () => {
      content.isRead = false;
      resolve(false);
    });
    stream.once('error', (error: Error & { code?: string }) => {
      content.isRead = false;
      if (error.code === 'ISDIR') resolve(true);
      else reject(error);
    });
    stream.resume();
  });
}
