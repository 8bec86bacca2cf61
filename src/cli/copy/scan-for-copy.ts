/** What `bmap copy --scan` does before it copies: the map that nobody has made yet. */
import { buildBmap } from '../../bmap/build-bmap.ts';
import type { Bmap } from '../../bmap/bmap.ts';
import type { FileReader } from '../../image/file-reader.ts';
import { MAP_BLOCK_BYTES } from '../../scan/agree.ts';
import { scanFile } from '../../scan/scan-file.ts';
import { openImageArgument } from '../files/open-image-argument.ts';
import { ProgressBar } from '../terminal/progress-bar.ts';
import type { CommandContext } from '../program.ts';

export interface MappedImage {
  readonly bmap: Bmap;
  /** Still open; the caller closes it. */
  readonly reader: FileReader;
}

/** @throws what `openImageArgument`, `scanFile` and `buildBmap` throw. */
export async function scanForCopy(
  location: string,
  context: CommandContext,
  options: { readonly member: string | undefined; readonly withChecksums: boolean },
): Promise<MappedImage> {
  const { terminal, signal } = context;
  const image = await openImageArgument(location, context, options);
  const { report, reader } = await scanFile(image);
  for (const finding of report.findings) terminal.finding(finding);
  const progress = new ProgressBar(terminal, 'hashing');
  try {
    const bmap = await buildBmap({
      fileDescriptor: reader.fileDescriptor,
      path: reader.path,
      imageSizeBytes: report.imageBytes,
      blockSizeBytes: MAP_BLOCK_BYTES,
      mapped: report.mapped,
      withChecksums: options.withChecksums,
      onProgress: progress.update,
      signal,
    });
    reader.assertUnchanged();
    return { bmap, reader };
  } catch (error) {
    reader.close();
    throw error;
  } finally {
    progress.finish();
  }
}
