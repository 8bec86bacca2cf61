/** One image, several devices at once. */
import { readFileSync } from 'node:fs';
import path from 'node:path';

import { expect, it } from 'vitest';

import type { CopyEvent } from '../../src/copy/copy-events.ts';
import { copyImage } from '../../src/copy/copy-image.ts';
import { SYSTEM_IO, type TargetIo } from '../../src/copy/target/target-io.ts';
import { TargetsError } from '../../src/errors/errors.ts';
import { RangeSet } from '../../src/ranges/range-set.ts';
import {
  expectCopied,
  expectUntouched,
  makeCopyFixture,
  makeLoopTarget,
  patchFile,
} from '../support/copy-fixture.ts';
import { attachLoop } from '../support/loop-device.ts';
import { describeWith, requireRoot, requireTools } from '../support/requirements.ts';
import { run, runBmap } from '../support/run.ts';

const MIB = 2 ** 20;

describeWith(
  [...requireRoot(), ...requireTools('losetup', 'addpart', 'delpart')],
  'several targets',
  () => {
    it('all get the image', async () => {
      const fixture = await makeCopyFixture();
      const targets = [makeLoopTarget(), makeLoopTarget(5 * MIB, 0x5a), makeLoopTarget(8 * MIB, 1)];
      await copyImage({
        image: fixture.image,
        targets: targets.map(({ device }) => device),
        verifyTarget: true,
        unmapped: 'skip',
      });
      for (const { file, fill } of targets) expectCopied(file, fixture, fill);
    });

    /** Fails in the write at this byte, on one device only. */
    function makeIo(device: string, failByte: number): TargetIo {
      const number = readFileSync(`/sys/block/${path.basename(device)}/dev`, 'utf8');
      return {
        ...SYSTEM_IO,
        async write(fileDescriptor, bytes, startByte) {
          const { fstatSync } = await import('node:fs');
          const { rdev } = fstatSync(fileDescriptor);
          const isThis = `${(rdev >> 8) & 0xfff}:${rdev & 0xff}\n` === number;
          if (isThis && startByte === failByte) {
            throw Object.assign(new Error('made to fail'), { code: 'EIO' });
          }
          return SYSTEM_IO.write(fileDescriptor, bytes, startByte);
        },
      };
    }

    it('do not stop each other: guard, write and result are of each alone', async () => {
      const fixture = await makeCopyFixture();
      const good = makeLoopTarget();
      const failing = makeLoopTarget();
      const small = makeLoopTarget(MIB);
      const missing = '/dev/no-such-card';
      const readOnly = attachLoop(makeLoopTarget().file, { readOnly: true });
      const events: CopyEvent[] = [];
      const error = await copyImage({
        image: fixture.image,
        targets: [good.device, failing.device, small.device, missing, readOnly],
        io: makeIo(failing.device, fixture.mapped.at(2).startByte),
        onEvent: (event) => void events.push(event),
      }).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      expect(error).toBeInstanceOf(TargetsError);
      const { code, message, failures } = error as TargetsError;
      expect(code).toBe('BMAP_TARGETS');
      expect(message).toBe('4 of 5 targets failed');
      expect(failures).toMatchObject([
        { path: small.device, error: { kind: 'too-small', targetState: 'untouched' } },
        { path: missing, error: { kind: 'missing-device', targetState: 'untouched' } },
        { path: readOnly, error: { kind: 'in-use', targetState: 'untouched' } },
        { path: failing.device, error: { kind: 'EIO', targetState: 'partial' } },
      ]);
      expectCopied(good.file, fixture, good.fill);
      expectUntouched(small);
      const before = RangeSet.of(fixture.mapped.at(0), fixture.mapped.at(1));
      expectCopied(failing.device, { ...fixture, mapped: before }, failing.fill);
      const done = events.flatMap((event) => (event.kind === 'target-done' ? [event.target] : []));
      expect(done).toEqual([good.device]);
    });

    it('are all told of a source that fails, once', async () => {
      const fixture = await makeCopyFixture();
      const { startByte } = fixture.mapped.at(2);
      patchFile(fixture.image, startByte, Uint8Array.of(fixture.bytes[startByte]! ^ 1));
      const targets = [makeLoopTarget(), makeLoopTarget()];
      const devices = targets.map(({ device }) => device);
      await expect(copyImage({ image: fixture.image, targets: devices })).rejects.toMatchObject({
        kind: 'range-checksum',
        targetState: 'partial',
      });
    });

    it('must be devices, and different ones', async () => {
      const fixture = await makeCopyFixture({ sizeBytes: MIB });
      const target = makeLoopTarget(16 * MIB);
      const file = path.join(fixture.folder, 'file');
      const copyTo = async (...targets: readonly string[]) =>
        copyImage({ image: fixture.image, targets });
      await expect(copyTo(target.device, file)).rejects.toMatchObject({
        code: 'BMAP_USAGE',
        kind: 'several-targets',
      });
      expectUntouched(target);
      await expect(copyTo(target.device, target.device)).rejects.toMatchObject({
        failures: [{ error: { kind: 'same-target' } }],
      });
      run('addpart', [target.device, '1', '2048', '8192']);
      run('addpart', [target.device, '2', '10240', '8192']);
      try {
        const [one, two] = [`${target.device}p1`, `${target.device}p2`];
        await expect(copyTo(one, target.device)).rejects.toMatchObject({
          failures: [{ path: target.device, error: { kind: 'same-target' } }],
        });
        await copyTo(one, two);
      } finally {
        run('delpart', [target.device, '1']);
        run('delpart', [target.device, '2']);
      }
    });

    it('end the program with 9 if some fail, and 0 if none does', async () => {
      const fixture = await makeCopyFixture();
      const one = makeLoopTarget();
      const two = makeLoopTarget();
      const small = makeLoopTarget(MIB);
      const args = ['copy', fixture.image, one.device, '--also', two.device];
      const failed = runBmap([...args, '--also', small.device]);
      expect(failed.status).toBe(9);
      expect(failed.stderr).toContain('1 of 3 targets failed');
      expect(failed.stderr).toContain(`it will not fit the block device '${small.device}'`);
      expect(failed.stdout).toBe('');
      expectCopied(two.file, fixture, two.fill);
      expect(runBmap(args).status).toBe(0);
    });
  },
);
