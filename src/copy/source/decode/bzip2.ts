import { openBzip2Decoder } from '../../../../native/bzip2.ts';
import { nativeDecode } from './native-stream.ts';

/**
 * Any number of streams, as pbzip2 and lbzip2 write them. The library refuses what is not a stream
 * behind the last one; the program ignores it.
 */
export const decodeBzip2 = nativeDecode(openBzip2Decoder, {
  name: 'bzip2',
  args: ['-dc'],
  debianPackage: 'bzip2',
});
