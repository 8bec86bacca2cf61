import { openLzmaDecoder } from '../../../../native/lzma.ts';
import { decodeWanted } from './gaps.ts';
import { nativeDecode } from './native-stream.ts';
import { sieveXz } from './xz-blocks.ts';

/** Any number of streams, and padding between them. */
export const decodeXz = decodeWanted(
  sieveXz,
  nativeDecode(openLzmaDecoder, {
    name: 'xz',
    args: ['-dc'],
    debianPackage: 'xz-utils',
  }),
);
