import { openLzmaDecoder } from '../../../../native/lzma.ts';
import { nativeDecode } from './native-stream.ts';

/** Any number of streams, and padding between them. */
export const decodeXz = nativeDecode(openLzmaDecoder, {
  name: 'xz',
  args: ['-dc'],
  debianPackage: 'xz-utils',
});
