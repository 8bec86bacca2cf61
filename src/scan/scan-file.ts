import type { FileReader } from '../image/file-reader.ts';
import { crossCheck } from './cross-check.ts';
import { openImage, type OpenImage, type OpenImageOptions } from './open-image.ts';
import {
  decideMapping,
  surveyImage,
  type ScanImageOptions,
  type ScanReport,
} from './scan-image.ts';

/** What a scan may be told. */
export interface ScanFileOptions extends ScanImageOptions, OpenImageOptions {
  /** Ask e2fsprogs and fatfs as well, and map what either calls used. Default false. */
  readonly crossCheck?: boolean;
}

export interface ScannedFile {
  readonly report: ScanReport;
  /** Still open, for checksums; the caller closes it. */
  readonly reader: FileReader;
}

/**
 * Scans a raw image file or block device; one that is open already is closed if that fails. Before
 * anything is done with the report, and after the last byte was read, ask `reader.assertUnchanged()`.
 * @throws everything that `openImage` and `surveyImage` throw.
 */
export async function scanFile(
  image: string | OpenImage,
  options: ScanFileOptions = {},
): Promise<ScannedFile> {
  const { reader, liveRanges } = typeof image === 'string' ? openImage(image, options) : image;
  try {
    const survey = await surveyImage(reader, { ...options, liveRanges });
    const checked = options.crossCheck === true ? await crossCheck(survey, reader) : survey;
    return { report: decideMapping(checked), reader };
  } catch (error) {
    reader.close();
    throw error;
  }
}
