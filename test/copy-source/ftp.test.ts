/** Images from a real FTP server. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';

import { openSource } from '../../src/copy/source/open-source.ts';
import { readAuxiliaryFile } from '../../src/copy/source/read-auxiliary.ts';
import { makeFiles, pack, PACKERS } from '../support/packers.ts';
import { SeededRandom } from '../support/random.ts';
import { readSource } from '../support/read-source.ts';
import {
  describeWith,
  requirePythonModule,
  requireTools,
  SYSTEM_PYTHON,
} from '../support/requirements.ts';

const IMAGE = Buffer.from(new SeededRandom(9).bytes(3_000_001));

/** @returns `127.0.0.1:PORT` */
async function startServer(folder: string, fault = 'none'): Promise<string> {
  const script = path.join(import.meta.dirname, 'ftp-server.py');
  const server = spawn(SYSTEM_PYTHON, [script, folder, fault], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  onTestFinished(() => void server.kill());
  const [line] = (await once(server.stdout, 'data')) as [Buffer];
  return `127.0.0.1:${Number(line.toString())}`;
}

const NEEDS = [...requirePythonModule('pyftpdlib'), ...requireTools('gzip')];

describeWith(NEEDS, 'ftp', () => {
  it('reads an image, as anybody and as a user', async () => {
    const files = { 'disk.img': IMAGE, 'sub folder/disk.img.gz': pack(PACKERS[0]!, IMAGE) };
    const host = await startServer(makeFiles(files));
    const { bytes, sizeBytes } = await readSource(`ftp://${host}/disk.img`);
    expect(bytes.equals(IMAGE)).toBe(true);
    expect(sizeBytes).toBe(IMAGE.length);
    const packed = await readSource(`ftp://me:geheim@${host}/sub%20folder/disk.img.gz`);
    expect(packed.bytes.equals(IMAGE)).toBe(true);
    const home = makeFiles({ '.netrc': 'machine 127.0.0.1\n  login me\n  password geheim\n' });
    const env = { HOME: home };
    expect((await readSource(`ftp://${host}/disk.img`, { env })).bytes.equals(IMAGE)).toBe(true);
  });

  it('refuses wrong passwords without showing them', async () => {
    const host = await startServer(makeFiles({ 'disk.img': IMAGE }));
    const reading = readSource(`ftp://me:falsch@${host}/disk.img`);
    await expect(reading).rejects.toMatchObject({ code: 'BMAP_SYSTEM', kind: 'ftp-530' });
    await expect(reading).rejects.not.toThrow(/falsch/);
    await expect(reading).rejects.toThrow(`ftp://${host}/disk.img`);
  });

  it('tells what is not there from what cannot be reached', async () => {
    const host = await startServer(makeFiles({ 'disk.bmap': '<bmap/>' }));
    expect((await readAuxiliaryFile(`ftp://${host}/disk.bmap`))!.bytes.length).toBe(7);
    expect(await readAuxiliaryFile(`ftp://${host}/none`)).toBeUndefined();
    await expect(readAuxiliaryFile('ftp://127.0.0.1:1/none')).rejects.toMatchObject({
      kind: 'ECONNREFUSED',
    });
    await expect(readAuxiliaryFile(`ftp://${host}/a%0d%0aDELE%20b`)).rejects.toMatchObject({
      kind: 'bad-address',
    });
  });

  it.each(['hangup', 'short', 'failed'])(
    'fails if the transfer ends with fault %s',
    async (fault) => {
      const folder = makeFiles({ 'disk.img': IMAGE });
      const address = `ftp://${await startServer(folder, fault)}/disk.img`;
      await expect(readSource(address)).rejects.toMatchObject({ code: 'BMAP_SYSTEM' });
    },
  );

  it('stops within a second', async () => {
    const host = await startServer(makeFiles({ 'disk.img': IMAGE }));
    const source = await openSource(`ftp://${host}/disk.img`);
    const control = new AbortController();
    const started = Date.now();
    await expect(
      (async () => {
        for await (const piece of source.chunks(control.signal)) {
          if (piece.length > 0) control.abort(new Error('enough'));
        }
      })(),
    ).rejects.toThrow('enough');
    await source.close();
    expect(Date.now() - started).toBeLessThan(1000);
  });
});
