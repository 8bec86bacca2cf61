/** Signed maps, with real keys of the programs that users sign with. */
import {
  copyFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, expect, it } from 'vitest';

import type { CopyEvent } from '../../src/copy/copy-events.ts';
import { copyImage } from '../../src/copy/copy-image.ts';
import type { CopyOptions } from '../../src/copy/copy-options.ts';
import {
  expectCopied,
  expectSame,
  makeCopyFixture,
  makeFilledFile,
} from '../support/copy-fixture.ts';
import { describeWith, requireTools } from '../support/requirements.ts';
import { run } from '../support/run.ts';
import { makeScratchFolder } from '../support/scratch.ts';

interface Signer {
  readonly home: string;
  readonly fingerprint: string;
  readonly keyring: string;
  sign(file: string, mode: string, output: string): void;
}

describeWith(requireTools('gpg', 'gpg-agent', 'gpgv'), 'a signed map', () => {
  let good: Signer;
  let stranger: Signer;

  function makeSigner(name: string): Signer {
    // A short path: the agent listens on a socket in it.
    const home = mkdtempSync(path.join(tmpdir(), 'gpg-'));
    const gpg = (args: readonly string[]) =>
      run('gpg', ['--homedir', home, '--batch', '--passphrase', '', ...args]);
    gpg(['--quick-generate-key', `${name} <${name}@example.org>`, 'ed25519', 'sign', '1y']);
    const list = gpg(['--with-colons', '--list-keys']);
    const keyring = path.join(home, 'exported.gpg');
    gpg(['--output', keyring, '--export']);
    return {
      home,
      fingerprint: /^fpr:+([0-9A-F]{40}):/m.exec(list)![1]!,
      keyring,
      sign: (file, mode, output) => void gpg(['--yes', '--output', output, mode, file]),
    };
  }

  beforeAll(() => {
    good = makeSigner('good');
    stranger = makeSigner('stranger');
  });

  afterAll(() => {
    for (const { home } of [good, stranger]) {
      run('gpgconf', ['--homedir', home, '--kill', 'gpg-agent']);
      rmSync(home, { recursive: true, force: true, maxRetries: 5 });
    }
  });

  /** Copies over a file that must be as it was if that fails. */
  async function tryCopy(image: string, changes: Partial<CopyOptions> = {}) {
    const target = makeFilledFile(makeScratchFolder(), 1000, 0xee);
    const events: CopyEvent[] = [];
    try {
      await copyImage({
        image,
        targets: [target],
        env: { ...process.env, GNUPGHOME: good.home },
        onEvent: (event) => void events.push(event),
        ...changes,
      });
    } catch (error) {
      expectSame(readFileSync(target), Buffer.alloc(1000, 0xee));
      throw error;
    }
    const verified = events.filter(({ kind }) => kind === 'signature-verified');
    return { target, events, verified };
  }

  it.each([
    ['--detach-sign', '.sig'],
    ['--detach-sign', '.asc'],
    ['--armor', '.asc', '--detach-sign'],
  ])('is accepted with a detached signature: %s %s', async (mode, ending, second?: string) => {
    const fixture = await makeCopyFixture();
    const signature = `${fixture.map}${ending}`;
    if (second === undefined) good.sign(fixture.map, mode, signature);
    else
      run('gpg', [
        '--homedir',
        good.home,
        '--batch',
        mode,
        '--output',
        signature,
        second,
        fixture.map,
      ]);
    const { target, events, verified } = await tryCopy(fixture.image);
    expectCopied(target, fixture, 0);
    expect(events).toContainEqual({ kind: 'signature-found', signature });
    expect(verified).toEqual([
      {
        kind: 'signature-verified',
        userId: 'good <good@example.org>',
        fingerprint: good.fingerprint,
      },
    ]);
  });

  it('prefers .asc to .sig', async () => {
    const fixture = await makeCopyFixture();
    good.sign(fixture.map, '--detach-sign', `${fixture.map}.asc`);
    writeFileSync(`${fixture.map}.sig`, 'no signature');
    const { verified } = await tryCopy(fixture.image);
    expect(verified).toHaveLength(1);
  });

  it('is accepted clearsigned, and only what was signed is read', async () => {
    const fixture = await makeCopyFixture();
    const signed = path.join(fixture.folder, 'signed.bmap');
    good.sign(fixture.map, '--clear-sign', signed);
    const { target, events, verified } = await tryCopy(fixture.image, { bmap: signed });
    expectCopied(target, fixture, 0);
    expect(events).toContainEqual({ kind: 'inline-signature-found' });
    expect(verified).toHaveLength(1);

    // Another map behind the signature was signed by nobody, and in front it is not a signed file.
    const other = await makeCopyFixture({ blockBytes: 512 });
    const forged = path.join(fixture.folder, 'forged.bmap');
    writeFileSync(forged, readFileSync(signed, 'utf8') + readFileSync(other.map, 'utf8'));
    const behind = await tryCopy(fixture.image, { bmap: forged });
    expectCopied(behind.target, fixture, 0);
  });

  it('is refused if it was changed after it was signed', async () => {
    const fixture = await makeCopyFixture();
    const other = await makeCopyFixture({ blockBytes: 512 });
    good.sign(fixture.map, '--detach-sign', `${fixture.map}.sig`);
    copyFileSync(other.map, fixture.map);
    await expect(tryCopy(fixture.image)).rejects.toMatchObject({
      code: 'BMAP_REFUSED',
      kind: 'bad-signature',
      targetState: 'untouched',
      message: expect.stringContaining('discovered a BAD GPG signature') as string,
    });
    const clear = path.join(fixture.folder, 'clear.bmap');
    good.sign(other.map, '--clear-sign', clear);
    writeFileSync(clear, readFileSync(clear, 'utf8').replace('<ImageSize>', '<ImageSize >'));
    await expect(tryCopy(fixture.image, { bmap: clear })).rejects.toMatchObject({
      kind: 'bad-signature',
    });
    const { verified } = await tryCopy(fixture.image, { sigVerify: false });
    expect(verified).toEqual([]);
  });

  it('is refused if nobody knows the signer', async () => {
    const fixture = await makeCopyFixture();
    stranger.sign(fixture.map, '--detach-sign', `${fixture.map}.sig`);
    await expect(tryCopy(fixture.image)).rejects.toMatchObject({ kind: 'bad-signature' });
    await expect(tryCopy(fixture.image)).rejects.toThrow('No matching key found');
    await expect(tryCopy(fixture.image, { keyring: good.keyring })).rejects.toMatchObject({
      kind: 'bad-signature',
    });
    const { verified } = await tryCopy(fixture.image, { keyring: stranger.keyring });
    expect(verified).toHaveLength(1);
  });

  it('must be signed by the key that is asked for', async () => {
    const fixture = await makeCopyFixture();
    good.sign(fixture.map, '--detach-sign', `${fixture.map}.sig`);
    const { fingerprint } = good;
    const spaced = fingerprint.toLowerCase().replaceAll(/(.{4})/g, '$1 ');
    for (const wanted of [fingerprint, spaced, `0x${fingerprint}`]) {
      const { verified } = await tryCopy(fixture.image, { fingerprint: wanted });
      expect(verified).toHaveLength(1);
    }
    await expect(
      tryCopy(fixture.image, { fingerprint: stranger.fingerprint }),
    ).rejects.toMatchObject({ kind: 'wrong-signer' });
    // Short ids can be made to order.
    await expect(
      tryCopy(fixture.image, { fingerprint: fingerprint.slice(-16) }),
    ).rejects.toMatchObject({ code: 'BMAP_USAGE', kind: 'fingerprint' });
  });

  it('must be there if a key or keyring is given', async () => {
    const fixture = await makeCopyFixture();
    const { fingerprint, keyring } = good;
    await expect(tryCopy(fixture.image, { fingerprint })).rejects.toThrow(
      'no signature found but --fingerprint given',
    );
    await expect(tryCopy(fixture.image, { keyring })).rejects.toThrow(
      'no signature found but --keyring given',
    );
    await tryCopy(fixture.image);
  });

  it('wants a keyring that is one', async () => {
    const fixture = await makeCopyFixture();
    good.sign(fixture.map, '--detach-sign', `${fixture.map}.sig`);
    const armored = path.join(fixture.folder, 'key.asc');
    const gpg = ['--homedir', good.home, '--batch', '--armor', '--output', armored, '--export'];
    run('gpg', gpg);
    await expect(tryCopy(fixture.image, { keyring: armored })).rejects.toMatchObject({
      code: 'BMAP_USAGE',
      kind: 'keyring',
    });
    await expect(tryCopy(fixture.image, { keyring: `${armored}-missing` })).rejects.toMatchObject({
      code: 'BMAP_SYSTEM',
      kind: 'ENOENT',
    });
    await tryCopy(fixture.image, { keyring: good.keyring });
  });

  it('of a key that nobody vouches for is accepted with a warning', async () => {
    const fixture = await makeCopyFixture();
    stranger.sign(fixture.map, '--detach-sign', `${fixture.map}.sig`);
    const home = mkdtempSync(path.join(tmpdir(), 'gpg-'));
    try {
      run('gpg', ['--homedir', home, '--batch', '--import', stranger.keyring]);
      const env = { ...process.env, GNUPGHOME: home };
      const { verified, events } = await tryCopy(fixture.image, { env });
      expect(verified).toHaveLength(1);
      expect(events).toContainEqual(
        expect.objectContaining({
          finding: expect.objectContaining({ code: 'copy.signer-not-certified' }) as unknown,
        }),
      );
    } finally {
      run('gpgconf', ['--homedir', home, '--kill', 'gpg-agent']);
      rmSync(home, { recursive: true, force: true, maxRetries: 5 });
    }
  });

  it('is not waited for when the copy is stopped', async () => {
    const fixture = await makeCopyFixture();
    good.sign(fixture.map, '--detach-sign', `${fixture.map}.sig`);
    const stopping = new AbortController();
    await expect(
      tryCopy(fixture.image, {
        signal: stopping.signal,
        onEvent: (event) => {
          if (event.kind === 'verifying-signature') setImmediate(() => stopping.abort());
        },
      }),
    ).rejects.toMatchObject({ code: 'BMAP_INTERRUPTED', targetState: 'untouched' });
  });

  it('is taken from where --bmap-sig says', async () => {
    const fixture = await makeCopyFixture();
    const elsewhere = path.join(makeScratchFolder(), 'x');
    good.sign(fixture.map, '--detach-sign', elsewhere);
    writeFileSync(`${fixture.map}.sig`, 'no signature');
    const { verified } = await tryCopy(fixture.image, { bmapSig: elsewhere });
    expect(verified).toHaveLength(1);
    await expect(tryCopy(fixture.image)).rejects.toMatchObject({ kind: 'bad-signature' });
    await expect(tryCopy(fixture.image, { bmapSig: `${elsewhere}-missing` })).rejects.toMatchObject(
      { code: 'BMAP_SYSTEM', kind: 'ENOENT' },
    );
  });

  it('by an expired key is refused', async () => {
    const fixture = await makeCopyFixture();
    good.sign(fixture.map, '--detach-sign', `${fixture.map}.sig`);
    const keyring = path.join(fixture.folder, 'expired.gpg');
    const home = mkdtempSync(path.join(tmpdir(), 'gpg-'));
    try {
      const gpg = (args: readonly string[]) =>
        run('gpg', ['--homedir', home, '--batch', '--passphrase', '', ...args]);
      const then = ['--faked-system-time', '20200101T000000'];
      gpg([...then, '--quick-generate-key', 'old <old@example.org>', 'ed25519', 'sign', '1d']);
      gpg([...then, '--yes', '--output', `${fixture.map}.sig`, '--detach-sign', fixture.map]);
      gpg(['--output', keyring, '--export']);
    } finally {
      run('gpgconf', ['--homedir', home, '--kill', 'gpg-agent']);
      rmSync(home, { recursive: true, force: true, maxRetries: 5 });
    }
    await expect(tryCopy(fixture.image, { keyring })).rejects.toMatchObject({
      kind: 'bad-signature',
    });
  });

  it('is refused where there is no gpg, and read without it if nobody wants it verified', async () => {
    const fixture = await makeCopyFixture();
    const signed = path.join(fixture.folder, 'signed.bmap');
    good.sign(fixture.map, '--clear-sign', signed);
    const env = { PATH: makeScratchFolder() };
    await expect(tryCopy(fixture.image, { bmap: signed, env })).rejects.toMatchObject({
      kind: 'no-gpg',
      targetState: 'untouched',
    });
    const { target } = await tryCopy(fixture.image, { bmap: signed, env, sigVerify: false });
    expectCopied(target, fixture, 0);
  });

  it.each(['gpg', 'gpgv'])('is verified where there is only %s', async (program) => {
    const fixture = await makeCopyFixture();
    const signed = path.join(fixture.folder, 'signed.bmap');
    good.sign(fixture.map, '--clear-sign', signed);
    const folder = makeScratchFolder();
    symlinkSync(run('which', [program]).trim(), path.join(folder, program));
    const options = { bmap: signed, keyring: good.keyring, env: { PATH: folder } };
    const { verified, target } = await tryCopy(fixture.image, options);
    expect(verified).toHaveLength(1);
    expectCopied(target, fixture, 0);
    await expect(
      tryCopy(fixture.image, { ...options, keyring: stranger.keyring }),
    ).rejects.toMatchObject({ kind: 'bad-signature' });
  });

  it('leaves no temporary files', async () => {
    const fixture = await makeCopyFixture();
    good.sign(fixture.map, '--detach-sign', `${fixture.map}.sig`);
    const folder = makeScratchFolder();
    const before = process.env['TMPDIR'];
    process.env['TMPDIR'] = folder;
    try {
      const target = path.join(fixture.folder, 'target');
      const env = { ...process.env, GNUPGHOME: good.home };
      await copyImage({ image: fixture.image, targets: [target], env });
    } finally {
      if (before === undefined) delete process.env['TMPDIR'];
      else process.env['TMPDIR'] = before;
    }
    expect(run('ls', ['-A', folder])).toBe('');
  });
});
