/** Every reason to refuse a target, tried; and each time the twin that is let through. */
import {
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';

import { describe, expect, it } from 'vitest';

import { copyImage } from '../../src/copy/copy-image.ts';
import type { CopyOptions } from '../../src/copy/copy-options.ts';
import { formatDeviceNumber, type HostRoots } from '../../src/host/host-files.ts';
import {
  expectCopied,
  expectSame,
  expectUntouched,
  makeCopyFixture,
  makeFilledFile,
  makeLoopTarget,
  patchFile,
  type CopyFixture,
} from '../support/copy-fixture.ts';
import { attachLoop, withMountedDevice } from '../support/loop-device.ts';
import { describeWith, requireRoot, requireTools } from '../support/requirements.ts';
import { run } from '../support/run.ts';
import { makeScratchFolder } from '../support/scratch.ts';

const MIB = 2 ** 20;
const LOOP = [...requireRoot(), ...requireTools('losetup')];

type Changes = Partial<CopyOptions>;

async function copy({ image }: CopyFixture, target: string, changes: Changes = {}): Promise<void> {
  await copyImage({ image, targets: [target], ...changes });
}

/** Expects the copy to be refused for that reason, before anything was written. */
async function expectRefusal(
  fixture: CopyFixture,
  target: string,
  kind: string,
  changes: Changes = {},
): Promise<void> {
  await expect(copy(fixture, target, changes)).rejects.toMatchObject({
    code: 'BMAP_REFUSED',
    kind,
    targetState: 'untouched',
  });
}

describeWith(
  [...LOOP, ...requireTools('mke2fs', 'mount', 'addpart', 'delpart')],
  'a device in use',
  () => {
    it('is refused while it is mounted', async () => {
      const fixture = await makeCopyFixture();
      const target = makeLoopTarget();
      run('mke2fs', ['-q', '-F', target.device]);
      const before = readFileSync(target.file);
      const folder = makeScratchFolder();
      run('mount', ['-o', 'ro', target.device, folder]);
      try {
        await expectRefusal(fixture, target.device, 'in-use');
        await expect(copy(fixture, target.device)).rejects.toThrow(`mounted on ${folder}`);
        await expectRefusal(fixture, target.file, 'in-use');
      } finally {
        run('umount', [folder]);
      }
      expectSame(readFileSync(target.file), before);
      await copy(fixture, target.device);
    });

    it('is refused while a partition of it is mounted, and so is its other name', async () => {
      const fixture = await makeCopyFixture({ sizeBytes: MIB });
      const target = makeLoopTarget(16 * MIB);
      run('addpart', [target.device, '1', '2048', '16384']);
      const link = path.join(makeScratchFolder(), 'card');
      symlinkSync(target.device, link);
      try {
        run('mke2fs', ['-q', '-F', `${target.device}p1`]);
        const before = readFileSync(target.file);
        const folder = makeScratchFolder();
        run('mount', ['-o', 'ro', `${target.device}p1`, folder]);
        try {
          await expectRefusal(fixture, target.device, 'in-use');
          await expectRefusal(fixture, link, 'in-use');
          await expectRefusal(fixture, `${target.device}p1`, 'in-use');
        } finally {
          run('umount', [folder]);
        }
        expectSame(readFileSync(target.file), before);
        await copy(fixture, `${target.device}p1`);
        await copy(fixture, link);
      } finally {
        run('delpart', [target.device, '1']);
      }
      const bytes = readFileSync(target.file).subarray(0, MIB);
      for (const { startByte, endByte } of fixture.mapped) {
        expectSame(bytes.subarray(startByte, endByte), fixture.bytes.subarray(startByte, endByte));
      }
    });

    it('is refused where another loop device shares its file, and that one is mounted', async () => {
      const fixture = await makeCopyFixture();
      const target = makeLoopTarget();
      run('mke2fs', ['-q', '-F', target.device]);
      await copy(fixture, target.device);
      run('mke2fs', ['-q', '-F', target.device]);
      const other = attachLoop(target.file);
      const before = readFileSync(target.file);
      await expectRefusal(fixture, target.device, 'in-use');
      withMountedDevice(other, { type: 'ext4', readOnly: true }, () => {});
      expectSame(readFileSync(target.file), before);
    });

    it('is refused while another program holds it', async () => {
      const fixture = await makeCopyFixture();
      const target = makeLoopTarget();
      const holder = openSync(target.device, constants.O_RDONLY | constants.O_EXCL);
      try {
        await expectRefusal(fixture, target.device, 'in-use');
        await expectRefusal(fixture, target.device, 'in-use', { dryRun: true });
        expectUntouched(target);
      } finally {
        closeSync(holder);
      }
      await copy(fixture, target.device, { dryRun: true });
      expectUntouched(target);
      await copy(fixture, target.device);
      expectCopied(target.file, fixture, target.fill);
    });
  },
);

describeWith([...LOOP, ...requireTools('mkswap', 'swapon')], 'swap', () => {
  it('is refused as a device and as a file', async () => {
    const fixture = await makeCopyFixture();
    const target = makeLoopTarget();
    const file = makeFilledFile(makeScratchFolder(), 6 * MIB, 0);
    for (const area of [target.device, file]) {
      run('chmod', ['600', area]);
      run('mkswap', [area]);
      run('swapon', [area]);
      try {
        await expectRefusal(fixture, area, 'in-use');
        await expect(copy(fixture, area)).rejects.toThrow('in use as swap');
      } finally {
        run('swapoff', [area]);
      }
      await copy(fixture, area);
    }
  });
});

describeWith(LOOP, 'the size and state of a device', () => {
  it('must suffice', async () => {
    const fixture = await makeCopyFixture({ sizeBytes: 4 * MIB });
    const small = makeLoopTarget(4 * MIB - 4096);
    await expectRefusal(fixture, small.device, 'too-small');
    await expect(copy(fixture, small.device)).rejects.toThrow(
      /has size 4\.0 MiB and it will not fit the block device '.*' which has 4\.0 MiB capacity/,
    );
    expectUntouched(small);
    const large = makeLoopTarget(4 * MIB);
    await copy(fixture, large.device);
    expectCopied(large.file, fixture, large.fill);
  });

  it('must be writable', async () => {
    const fixture = await makeCopyFixture();
    const file = makeFilledFile(makeScratchFolder(), 6 * MIB, 0xff);
    const device = attachLoop(file, { readOnly: true });
    await expectRefusal(fixture, device, 'read-only');
    expectSame(readFileSync(file), Buffer.alloc(6 * MIB, 0xff));
  });
});

describeWith(LOOP, 'the source as target', () => {
  it('is refused by hard link, link, loop device and file behind a loop device', async () => {
    const fixture = await makeCopyFixture({ sizeBytes: 4 * MIB }); // whole sectors, as a loop device has
    const hard = path.join(fixture.folder, 'hard');
    linkSync(fixture.image, hard);
    const soft = path.join(fixture.folder, 'soft');
    symlinkSync('disk.img', soft);
    const device = attachLoop(fixture.image);
    for (const name of [fixture.image, hard, soft, device]) {
      await expectRefusal(fixture, name, 'is-source');
    }
    await expect(
      copyImage({ image: device, targets: [fixture.image], bmap: fixture.map }),
    ).rejects.toMatchObject({ kind: 'is-source' });
    await expect(
      copyImage({ image: `file://${fixture.image}`, targets: [hard], bmap: fixture.map }),
    ).rejects.toMatchObject({ kind: 'is-source' });
    expectSame(readFileSync(fixture.image), fixture.bytes);
    const twin = path.join(fixture.folder, 'twin');
    copyFileSync(fixture.image, twin);
    await copy(fixture, twin);
    expectCopied(twin, fixture, 0);
  });

  it('is refused if it is the map', async () => {
    const fixture = await makeCopyFixture();
    const before = readFileSync(fixture.map);
    await expectRefusal(fixture, fixture.map, 'is-source');
    expectSame(readFileSync(fixture.map), before);
  });

  it('is refused as the disk that holds it', async () => {
    const fixture = await makeCopyFixture({ sizeBytes: MIB });
    const target = makeLoopTarget(16 * MIB);
    const sibling = makeLoopTarget(16 * MIB);
    for (const { device } of [target, sibling]) run('addpart', [device, '1', '2048', '16384']);
    try {
      patchFile(`${target.device}p1`, 0, fixture.bytes);
      const from = (image: string, to: string) =>
        copyImage({ image, targets: [to], bmap: fixture.map });
      await expect(from(`${target.device}p1`, target.device)).rejects.toMatchObject({
        kind: 'is-source',
      });
      await expect(from(target.device, `${target.device}p1`)).rejects.toMatchObject({
        kind: 'is-source',
      });
      await from(`${target.device}p1`, `${sibling.device}p1`);
    } finally {
      for (const { device } of [target, sibling]) run('delpart', [device, '1']);
    }
    const written = readFileSync(sibling.file).subarray(MIB, 2 * MIB);
    expectCopied(writeTemporary(written), fixture, sibling.fill);
  });
});

function writeTemporary(bytes: Uint8Array): string {
  const file = path.join(makeScratchFolder(), 'part');
  writeFileSync(file, bytes);
  return file;
}

describe('a name that is no device', () => {
  it('is not made under /dev, nor through a link', async () => {
    const fixture = await makeCopyFixture();
    const missing = `/dev/bmap-test-${process.pid}`;
    await expectRefusal(fixture, missing, 'missing-device');
    expect(existsSync(missing)).toBe(false);
    const link = path.join(fixture.folder, 'link');
    symlinkSync(missing, link);
    await expectRefusal(fixture, link, 'dangling-link');
    const folder = path.join(fixture.folder, 'devices');
    symlinkSync('/dev', folder);
    await expectRefusal(fixture, path.join(folder, path.basename(missing)), 'missing-device');
    expect(existsSync(missing)).toBe(false);
    await copy(fixture, path.join(fixture.folder, 'made'));
  });

  it('is no target if it is a folder', async () => {
    const fixture = await makeCopyFixture();
    await expectRefusal(fixture, fixture.folder, 'not-a-target');
  });

  it('takes all in /dev/null', async () => {
    await copy(await makeCopyFixture(), '/dev/null');
    expect(statSync('/dev/null').isCharacterDevice()).toBe(true);
  });
});

describeWith(LOOP, 'what the system says of a device', () => {
  /** A copy of what the system says about a loop device, to be changed. */
  function makeHost(device: string): HostRoots & { folder: string } {
    const root = realpathSync(makeScratchFolder());
    const name = path.basename(device);
    const folder = path.join(root, 'sys/block', name);
    for (const made of ['proc/self', 'sys/dev/block']) {
      mkdirSync(path.join(root, made), { recursive: true });
    }
    for (const made of ['queue', 'holders', 'bdi']) {
      mkdirSync(path.join(folder, made), { recursive: true });
    }
    const number = formatDeviceNumber(statSync(device).rdev);
    symlinkSync(folder, path.join(root, 'sys/dev/block', number));
    const size = readFileSync(`/sys/block/${name}/size`, 'utf8');
    const files = {
      size,
      ro: '0\n',
      removable: '0\n',
      dev: `${number}\n`,
      uevent: `DEVNAME=${name}\n`,
    };
    for (const [file, text] of Object.entries(files)) writeFileSync(path.join(folder, file), text);
    return { proc: path.join(root, 'proc'), sys: path.join(root, 'sys'), folder };
  }

  it('decides with --removable-device', async () => {
    const fixture = await makeCopyFixture();
    const target = makeLoopTarget();
    const host = makeHost(target.device);
    const changes = { host, removableDevice: true };
    await expectRefusal(fixture, target.device, 'not-removable', changes);
    await expectRefusal(fixture, target.device, 'not-removable', { removableDevice: true });
    expectUntouched(target);
    writeFileSync(path.join(host.folder, 'removable'), '1\n');
    const link = path.join(makeScratchFolder(), 'card');
    symlinkSync(target.device, link);
    await copy(fixture, link, changes);
    expectCopied(target.file, fixture, target.fill);
    await expectRefusal(fixture, target.file, 'not-removable', changes);
    await expectRefusal(fixture, '/dev/no-such-card', 'not-removable', changes);
  });

  it('refuses what another layer holds', async () => {
    const fixture = await makeCopyFixture();
    const target = makeLoopTarget();
    const host = makeHost(target.device);
    mkdirSync(path.join(host.folder, 'holders/dm-0'));
    await expectRefusal(fixture, target.device, 'in-use', { host });
    await expect(copy(fixture, target.device, { host })).rejects.toThrow('held by dm-0');
    expectUntouched(target);
  });

  it('refuses a device without a medium', async () => {
    const fixture = await makeCopyFixture();
    const target = makeLoopTarget();
    const host = makeHost(target.device);
    writeFileSync(path.join(host.folder, 'size'), '0\n');
    await expectRefusal(fixture, target.device, 'no-medium', { host });
  });

  it('shows model, serial and size', async () => {
    const fixture = await makeCopyFixture();
    const target = makeLoopTarget();
    const host = makeHost(target.device);
    mkdirSync(path.join(host.folder, 'device'));
    for (const [file, text] of Object.entries({
      vendor: 'ACME',
      model: 'Card Reader',
      serial: '4C53',
    })) {
      writeFileSync(path.join(host.folder, 'device', file), `${text}  \n`);
    }
    const seen: unknown[] = [];
    await copy(fixture, target.device, {
      host,
      onEvent: (event) => {
        if (event.kind === 'target-checked') seen.push(event.target);
      },
    });
    expect(seen).toMatchObject([
      {
        kind: 'block-device',
        device: { model: 'ACME Card Reader', serial: '4C53', sizeBytes: 6 * MIB },
      },
    ]);
  });
});
