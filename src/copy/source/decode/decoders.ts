import type { CompressionName } from '../formats.ts';
import { decodeBzip2 } from './bzip2.ts';
import type { Decode } from './decoder.ts';
import { decodeGzip } from './gzip.ts';
import { decodeLz4 } from './lz4.ts';
import { decodeLzop } from './lzop.ts';
import { decodeXz } from './xz.ts';
import { decodeZstd } from './zstd.ts';

export const DECODERS: Readonly<Record<CompressionName, Decode>> = {
  gzip: decodeGzip,
  bzip2: decodeBzip2,
  xz: decodeXz,
  zstd: decodeZstd,
  lz4: decodeLz4,
  lzop: decodeLzop,
};
