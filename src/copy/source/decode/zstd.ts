import { openZstdDecoder } from '../../../../native/zstd.ts';
import { nativeDecode } from './native-stream.ts';

/** Any number of frames, skippable ones among them, with windows of up to 2 GiB. */
export const decodeZstd = nativeDecode(openZstdDecoder, {
  name: 'zstd',
  args: ['-dcq', '--long=31'],
  debianPackage: 'zstd',
});
