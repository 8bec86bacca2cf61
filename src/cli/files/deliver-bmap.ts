import type { Bmap } from '../../bmap/bmap.ts';
import { formatBmap } from '../../bmap/format-bmap.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { writeWholeFile } from './write-whole-file.ts';

/** Writes a finished map to the file that was asked for, or to standard output. */
export async function deliverBmap(
  terminal: Terminal,
  output: string | undefined,
  bmap: Bmap,
): Promise<void> {
  const text = formatBmap(bmap);
  if (output === undefined) await terminal.writeOut(text);
  else writeWholeFile(output, text);
}
