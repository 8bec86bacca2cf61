/** The map and its signature beside an image that lies on a server. */
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readFileSync } from 'node:fs';
import path from 'node:path';

import { expect, it, onTestFinished } from 'vitest';

import type { CopyEvent } from '../../src/copy/copy-events.ts';
import { copyImage } from '../../src/copy/copy-image.ts';
import type { CopyOptions } from '../../src/copy/copy-options.ts';
import { expectCopied, makeCopyFixture, type CopyFixture } from '../support/copy-fixture.ts';

/** A server on loopback until the test ends. @returns its address without a final slash. */
async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Serves the image and its map under these paths, and `status` for everything else. */
async function serveFixture(fixture: CopyFixture, map: string, status: number) {
  const asked: string[] = [];
  const files = new Map([
    ['/disk.img', fixture.image],
    [map, fixture.map],
  ]);
  const host = await serve((request, response) => {
    asked.push(request.url ?? '');
    const file = files.get((request.url ?? '').replace(/\?.*/, ''));
    if (file === undefined) response.writeHead(status).end('<html>nothing here</html>');
    else response.end(readFileSync(file));
  });
  return { host, asked };
}

async function copy(fixture: CopyFixture, image: string, changes: Partial<CopyOptions> = {}) {
  const target = path.join(fixture.folder, 'target');
  const events: CopyEvent[] = [];
  await copyImage({
    image,
    targets: [target],
    onEvent: (event) => void events.push(event),
    ...changes,
  });
  expectCopied(target, fixture, 0);
  return events;
}

it.each([404, 403])(
  'are looked for with the query in its place, past status %d',
  async (status) => {
    const fixture = await makeCopyFixture();
    const { host, asked } = await serveFixture(fixture, '/disk.bmap', status);
    const events = await copy(fixture, `http://user:secret@${host}/disk.img?key=1.2`);
    expect(asked).toEqual([
      '/disk.img?key=1.2',
      '/disk.img.bmap?key=1.2',
      '/disk.bmap?key=1.2',
      '/disk.bmap.asc?key=1.2',
      '/disk.bmap.sig?key=1.2',
    ]);
    expect(events).toContainEqual({ kind: 'map-found', map: `http://${host}/disk.bmap` });
    expect(JSON.stringify(events)).not.toContain('secret');
  },
);

it('are not skipped where the server fails', async () => {
  const fixture = await makeCopyFixture();
  const { host } = await serveFixture(fixture, '/disk.bmap', 500);
  await expect(copy(fixture, `http://${host}/disk.img`)).rejects.toMatchObject({
    code: 'BMAP_SYSTEM',
    kind: 'http-status',
    targetState: 'untouched',
  });
});

it('are not made of an error page', async () => {
  const fixture = await makeCopyFixture();
  const { host } = await serveFixture(fixture, '/disk.bmap', 200);
  const image = `http://${host}/disk.img`;
  await expect(copy(fixture, image, { sigVerify: false })).rejects.toMatchObject({
    code: 'BMAP_CORRUPT',
    targetState: 'untouched',
  });
  // The page is taken for a signature as well, which is no better.
  await expect(copy(fixture, image)).rejects.toMatchObject({ code: 'BMAP_REFUSED' });
});

it('may be named', async () => {
  const fixture = await makeCopyFixture();
  const { host } = await serveFixture(fixture, '/elsewhere', 404);
  await copy(fixture, fixture.image, { bmap: `http://${host}/elsewhere` });
  await copy(fixture, `http://${host}/disk.img`, { bmap: fixture.map });
  await expect(
    copy(fixture, fixture.image, { bmap: `http://${host}/missing` }),
  ).rejects.toMatchObject({ code: 'BMAP_SYSTEM', kind: 'ENOENT' });
});
