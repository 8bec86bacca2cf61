import { describe, expect, it } from 'vitest';

import {
  CorruptError,
  MismatchError,
  RefusedError,
  SystemError,
  UnsupportedError,
  UsageError,
} from '../errors/errors.ts';
import { exitCodeOf } from './exit-codes.ts';
import { renderError } from './render-error.ts';

const place = { structure: 'ext superblock', startByte: 1024 };

describe('failures', () => {
  it.each([
    [new UsageError('k', 'wrong option'), 2, 'bmap: wrong option'],
    [new CorruptError('k', place, 'bad magic'), 3, 'bmap: ext superblock at byte 1024: bad magic'],
    [new UnsupportedError('k', place, 'new'), 4, 'bmap: ext superblock at byte 1024: new'],
    [new MismatchError('k', 'differs'), 5, 'bmap: differs'],
    [new RefusedError('k', 'mounted'), 6, 'bmap: mounted'],
    [new SystemError('EIO', '/dev/x', 'failed'), 7, 'bmap: /dev/x: failed'],
  ])('of a known family are one line: %o', (error, exitCode, line) => {
    expect(exitCodeOf(error)).toBe(exitCode);
    expect(renderError(error)).toBe(line);
  });

  it.each([new RangeError('read outside'), new TypeError('x is undefined'), 'thrown text'])(
    'that are bugs have their own exit code, and say where to go: %o',
    (error) => {
      expect(exitCodeOf(error)).toBe(70);
      expect(renderError(error)).toMatch(
        /(read outside|x is undefined|thrown text)[^]*bug in bmap/,
      );
    },
  );

  it('never pass on what an image wants to do to the terminal', () => {
    const error = new CorruptError('k', place, 'name \u001b[2J\u202etxt');
    expect(renderError(error)).toMatch(/name \\x1b\[2J\\u\{202e\}txt$/);
  });

  it('keep what the system said', () => {
    const cause = Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' });
    const error = SystemError.from(cause, '/dev/x');
    expect(error).toMatchObject({ kind: 'EIO', path: '/dev/x', cause });
    expect(error.message).toBe('/dev/x: input/output error');
  });

  it('let a mistake of ours through, whatever asks for its wrapping', () => {
    const mistake = new TypeError('no code');
    expect(() => SystemError.from(mistake, '/dev/x')).toThrow(mistake);
  });
});
