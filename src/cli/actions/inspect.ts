import { UsageError } from '../../errors/errors.ts';
import { buildPicture } from '../../inspect/disk-picture.ts';
import { formatHtml } from '../../inspect/html-page.ts';
import { formatSvg } from '../../inspect/svg-drawing.ts';
import { scanFile, type ScannedFile } from '../../scan/scan-file.ts';
import type { InspectCliOptions } from '../commands/inspect.ts';
import { EXIT } from '../exit-codes.ts';
import { formatInspectLines } from '../report/inspect-text.ts';
import { openImageArgument } from '../files/open-image-argument.ts';
import type { Action, CommandContext } from '../program.ts';
import { formatInspectJson } from '../report/report-json.ts';
import { assertWritableOutput, writeWholeFile } from '../files/write-whole-file.ts';

export const runInspect: Action<InspectCliOptions> = async (context, [path = ''], options) => {
  if (options.svg !== undefined && options.svg === options.html) {
    throw new UsageError(
      'same-output',
      '--svg and --html both write to the same file; give each its own',
    );
  }
  for (const output of [options.svg, options.html]) {
    if (output !== undefined) assertWritableOutput(output, path);
  }
  const { lean = false, gaps } = options;
  const image = await openImageArgument(path, context, options);
  const scanned = await scanFile(image, { lean, gaps });
  try {
    return await answer(context, scanned, options);
  } finally {
    scanned.reader.close();
  }
};

/** Writes the files, then prints. @returns the exit code. */
async function answer(
  { terminal }: CommandContext,
  { report, reader }: ScannedFile,
  options: InspectCliOptions,
): Promise<number> {
  const { path } = reader;
  reader.assertUnchanged();
  const picture = buildPicture(report);
  if (options.svg !== undefined) writeWholeFile(options.svg, formatSvg(path, picture));
  if (options.html !== undefined) writeWholeFile(options.html, formatHtml(path, picture));
  if (options.json === true) {
    await terminal.writeOut(formatInspectJson(path, picture, reader.cost));
    return EXIT.ok;
  }
  const lines = formatInspectLines(path, picture, {
    columns: terminal.outputColumns,
    useColor: terminal.colorsOutput,
  });
  await terminal.writeOut(`${lines.join('\n')}\n`);
  return EXIT.ok;
}
