import { Readable } from 'node:stream';

import type { Finding } from '../../src/errors/finding.ts';
import { openSource, type SourceOptions } from '../../src/copy/source/open-source.ts';
import type { WantedRanges } from '../../src/copy/source/wanted-bytes.ts';

export interface ReadSource {
  readonly bytes: Buffer;
  readonly sizeBytes: number | undefined;
  readonly findings: readonly Finding[];
  readonly debug: readonly string[];
}

/** Reads an image source to its end. @throws whatever opening or reading it throws. */
export async function readSource(
  location: string,
  options: SourceOptions = {},
): Promise<ReadSource> {
  const findings: Finding[] = [];
  const debug: string[] = [];
  const source = await openSource(location, {
    onFinding: (finding) => findings.push(finding),
    onDebug: (text) => debug.push(text),
    ...options,
  });
  try {
    const pieces: Uint8Array[] = [];
    for await (const piece of source.chunks(new AbortController().signal))
      pieces.push(Uint8Array.from(piece));
    return { bytes: Buffer.concat(pieces), sizeBytes: source.sizeBytes, findings, debug };
  } finally {
    await source.close();
  }
}

/** The same from standard input. `pieceBytes` is how much arrives at a time. */
export async function readStdin(
  bytes: Uint8Array,
  options: SourceOptions = {},
  pieceBytes = 65536,
): Promise<ReadSource> {
  function* cut(): Generator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
  }
  return readSource('-', { ...options, stdin: Readable.from(cut(), { objectMode: false }) });
}

/** Reads an image as a copy with a map does, which needs the wanted bytes alone. */
export async function readWanted(location: string, wanted: WantedRanges): Promise<Buffer> {
  const source = await openSource(location);
  try {
    const pieces: Uint8Array[] = [];
    for await (const piece of source.chunks(new AbortController().signal, wanted)) {
      pieces.push(Uint8Array.from(piece));
    }
    return Buffer.concat(pieces);
  } finally {
    await source.close();
  }
}
