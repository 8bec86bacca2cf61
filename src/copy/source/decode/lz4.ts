import { openLz4Decoder } from '../../../../native/lz4.ts';
import { nativeDecode } from './native-stream.ts';

/** Any number of frames, skippable ones among them. The older format of `lz4 -l` is not read. */
export const decodeLz4 = nativeDecode(openLz4Decoder, {
  name: 'lz4',
  args: ['-dcq'],
  debianPackage: 'lz4',
});
