/** The program is told to stop at any moment: it ends soon, says how far it got, and tidies up. */
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { describe, expect, it, onTestFinished } from 'vitest';

import { RangeSet } from '../../src/ranges/range-set.ts';
import {
  expectCopied,
  expectUntouched,
  makeCopyFixture,
  makeLoopTarget,
  type LoopTarget,
} from '../support/copy-fixture.ts';
import { SeededRandom } from '../support/random.ts';
import { describeWith, requireRoot, requireTools } from '../support/requirements.ts';
import { run } from '../support/run.ts';

const MIB = 2 ** 20;

interface Settings {
  readonly scheduler: string;
  readonly maxRatio: string;
}

function readSettings(disk: string): Settings {
  const folder = `/sys/block/${path.basename(disk)}`;
  return {
    scheduler: readFileSync(`${folder}/queue/scheduler`, 'utf8').trim(),
    maxRatio: readFileSync(`${folder}/bdi/max_ratio`, 'utf8').trim(),
  };
}

/** Settings that a copy changes, put back as they were when the test ends. */
function makeUsualSettings(disk: string): Settings {
  const folder = `/sys/block/${path.basename(disk)}`;
  const before = readSettings(disk);
  const scheduler = /\[(.*)\]/.exec(before.scheduler)?.[1] ?? 'none';
  const put = (values: { scheduler: string; maxRatio: string }) => {
    writeFileSync(`${folder}/queue/scheduler`, values.scheduler);
    writeFileSync(`${folder}/bdi/max_ratio`, values.maxRatio);
  };
  onTestFinished(() => put({ scheduler, maxRatio: before.maxRatio }));
  put({ scheduler: 'mq-deadline', maxRatio: '60' });
  return readSettings(disk);
}

interface Ending {
  readonly code: number | null;
  readonly stderr: string;
  /** From the signal to the end. */
  readonly tookMs: number;
}

/** The program, reading its image from a pipe that we fill as we like. */
function startCopy(args: readonly string[], program = 'bmap.js') {
  const child = spawn(process.execPath, [`dist/bin/${program}`, ...args], {
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  // It stops reading when it is told to stop.
  child.stdin.on('error', () => {});
  let stderr = '';
  child.stderr.on('data', (text: Buffer) => {
    stderr += text.toString();
  });
  const ended = new Promise<number | null>((resolve) => {
    child.once('close', resolve);
  });
  return {
    stdin: child.stdin,
    async waitFor(condition: () => boolean): Promise<void> {
      for (let round = 0; round < 600 && !condition(); round++) await sleep(10);
      expect({ condition: condition(), stderr }).toMatchObject({ condition: true });
    },
    says: (text: string) => stderr.includes(text),
    async stop(signal: NodeJS.Signals): Promise<Ending> {
      const startedMs = performance.now();
      child.kill(signal);
      const code = await ended;
      return { code, stderr, tookMs: performance.now() - startedMs };
    },
    end: async (): Promise<Ending> => ({ code: await ended, stderr, tookMs: 0 }),
  };
}

describeWith(
  [...requireRoot(), ...requireTools('losetup', 'addpart', 'delpart')],
  'a signal',
  () => {
    async function makePair(): Promise<{
      fixture: Awaited<ReturnType<typeof makeCopyFixture>>;
      target: LoopTarget;
      before: Settings;
    }> {
      const mapped = RangeSet.of(
        { startByte: 0, endByte: MIB },
        { startByte: 2 * MIB, endByte: 3 * MIB },
      );
      const fixture = await makeCopyFixture({ sizeBytes: 4 * MIB, mapped });
      const target = makeLoopTarget();
      return { fixture, target, before: makeUsualSettings(target.device) };
    }

    it.each([
      ['SIGINT', 130],
      ['SIGTERM', 143],
      ['SIGHUP', 129],
    ] as const)(
      '%s in the middle ends it with %d and puts everything back',
      async (signal, code) => {
        const { fixture, target, before } = await makePair();
        const copy = startCopy(['copy', '--bmap', fixture.map, '-', target.device]);
        copy.stdin.write(fixture.bytes.subarray(0, 2 * MIB));
        await copy.waitFor(() => copy.says('copying image'));
        // Read from the device: the file behind it follows when it is flushed.
        const first = fixture.bytes.subarray(0, MIB);
        await copy.waitFor(() => readFileSync(target.device).subarray(0, MIB).equals(first));
        const during = readSettings(target.device);
        expect(during.scheduler).toContain('[none]');
        expect(during.maxRatio).toBe('1');

        const ending = await copy.stop(signal);
        expect(ending.code).toBe(code);
        expect(ending.tookMs).toBeLessThan(2000);
        expect(ending.stderr).toContain('interrupted, exiting: 1.0 MiB of 2.0 MiB written');
        expect(ending.stderr).toContain('target partial');
        expect(readSettings(target.device)).toEqual(before);
        const mapped = RangeSet.of(fixture.mapped.at(0));
        expectCopied(target.device, { ...fixture, mapped }, target.fill);
      },
    );

    it('before the first write leaves the target untouched', async () => {
      const { fixture, target, before } = await makePair();
      const copy = startCopy(['copy', '--bmap', fixture.map, '-', target.device]);
      copy.stdin.write(fixture.bytes.subarray(0, MIB / 2));
      await copy.waitFor(() => copy.says('copying image'));
      const ending = await copy.stop('SIGINT');
      expect(ending.code).toBe(130);
      expect(ending.stderr).toContain('target untouched');
      expect(readSettings(target.device)).toEqual(before);
      expectUntouched(target);
    });

    it('ends the alias with 1', async () => {
      const { fixture, target, before } = await makePair();
      const args = ['copy', '--bmap', fixture.map, '-', target.device];
      const copy = startCopy(args, 'bmaptool.js');
      copy.stdin.write(fixture.bytes.subarray(0, MIB / 2));
      await copy.waitFor(() => copy.says('copying image'));
      const ending = await copy.stop('SIGINT');
      expect(ending.code).toBe(1);
      expect(ending.stderr).toContain('interrupted, exiting');
      expect(readSettings(target.device)).toEqual(before);
    });

    it('at random moments leaves what the program says', async () => {
      const { fixture, before, target } = await makePair();
      const random = new SeededRandom(5);
      const states = new Set<string>();
      for (let round = 0; round < 8; round++) {
        const fresh = makeLoopTarget();
        const usual = makeUsualSettings(fresh.device);
        const copy = startCopy(['copy', '--bmap', fixture.map, '-', fresh.device]);
        // The pipe holds one such part, so that the program has taken all before it.
        const parts = 1 + random.below(64);
        for (let part = 0; part < parts; part++) {
          const bytes = fixture.bytes.subarray(part * 65536, (part + 1) * 65536);
          await new Promise((resolve) => copy.stdin.write(bytes, resolve));
        }
        await sleep(random.below(20));
        const ending = await copy.stop(random.pick(['SIGINT', 'SIGTERM'] as const));
        expect(readSettings(fresh.device)).toEqual(usual);
        const written = readFileSync(fresh.device);
        if (ending.code === 0) expectCopied(fresh.file, fixture, fresh.fill);
        else if (ending.stderr.includes('target partial')) {
          states.add('partial');
          expect(written.equals(Buffer.alloc(fresh.sizeBytes, fresh.fill))).toBe(false);
        } else if (
          ending.stderr.includes('target untouched') ||
          !ending.stderr.includes('copying')
        ) {
          states.add('untouched');
          expectUntouched(fresh);
        } else if (!ending.stderr.includes('target unverified')) {
          // The signal came when all was done: no state is told, because nothing is missing.
          expectCopied(fresh.file, fixture, fresh.fill);
        }
      }
      expect(states.has('partial')).toBe(true);
      expect(readSettings(target.device)).toEqual(before);
    });

    it('is not needed to put the settings back: the end and a failure do so too', async () => {
      const { fixture, target, before } = await makePair();
      const good = startCopy(['copy', '--bmap', fixture.map, '-', target.device]);
      good.stdin.end(fixture.bytes);
      expect((await good.end()).code).toBe(0);
      expect(readSettings(target.device)).toEqual(before);
      const cut = startCopy(['copy', '--bmap', fixture.map, '-', target.device]);
      cut.stdin.end(fixture.bytes.subarray(0, 3 * MIB));
      expect((await cut.end()).code).toBe(5);
      expect(readSettings(target.device)).toEqual(before);
    });

    it('while a partition is written restores the settings of its disk', async () => {
      const { fixture } = await makePair();
      const target = makeLoopTarget(16 * MIB);
      const before = makeUsualSettings(target.device);
      run('addpart', [target.device, '1', '2048', '16384']);
      try {
        const args = ['copy', '--bmap', fixture.map, '-', `${target.device}p1`];
        const copy = startCopy(args);
        copy.stdin.write(fixture.bytes.subarray(0, 2 * MIB));
        await copy.waitFor(() => copy.says('copying image'));
        await copy.waitFor(() => readSettings(target.device).maxRatio === '1');
        expect((await copy.stop('SIGTERM')).code).toBe(143);
        expect(readSettings(target.device)).toEqual(before);
      } finally {
        run('delpart', [target.device, '1']);
      }
    });
  },
);

describe('a pipe as target', () => {
  async function makePipe() {
    const fixture = await makeCopyFixture();
    const pipe = path.join(fixture.folder, 'pipe');
    run('mkfifo', [pipe]);
    return { fixture, pipe };
  }

  it('without a reader is waited for, and left when told so', async () => {
    const { fixture, pipe } = await makePipe();
    const copy = startCopy(['copy', fixture.image, pipe]);
    await copy.waitFor(() => copy.says('mapped'));
    const { code, tookMs } = await copy.stop('SIGINT');
    expect(code).toBe(130);
    expect(tookMs).toBeLessThan(2000);
  });

  it('with a reader that does not read is left when told so', async () => {
    const { fixture, pipe } = await makePipe();
    const reader = spawn('sh', ['-c', `sleep 30 < ${pipe}`], { detached: true, stdio: 'ignore' });
    onTestFinished(() => void process.kill(-reader.pid!, 'SIGKILL'));
    const copy = startCopy(['copy', fixture.image, pipe]);
    await copy.waitFor(() => copy.says('copying image'));
    await sleep(200);
    const { code, stderr, tookMs } = await copy.stop('SIGTERM');
    expect(code).toBe(143);
    expect(tookMs).toBeLessThan(2000);
    expect(stderr).toContain('target partial');
  });

  it('whose reader goes away is a failure', async () => {
    const { fixture, pipe } = await makePipe();
    spawn('head', ['-c', '100', pipe], { stdio: 'ignore' });
    const { code, stderr } = await startCopy(['copy', '--nobmap', fixture.image, pipe]).end();
    expect(code).toBe(7);
    expect(stderr).toContain('EPIPE');
  });
});
