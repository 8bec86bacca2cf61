/** Images from a real web server, with all it can do wrong. */
import { writeFileSync } from 'node:fs';
import { createServer, request as forward } from 'node:http';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

import { openHttpInput } from '../../src/copy/source/input/http-input.ts';
import { openSource } from '../../src/copy/source/open-source.ts';
import { readAuxiliaryFile } from '../../src/copy/source/read-auxiliary.ts';
import { pack, PACKERS } from '../support/packers.ts';
import { SeededRandom } from '../support/random.ts';
import { readSource } from '../support/read-source.ts';
import { describeWith, requireTools } from '../support/requirements.ts';
import { makeScratchFolder } from '../support/scratch.ts';
import { listen, sendCut, startWebServer } from '../support/web-server.ts';

const IMAGE = Buffer.from(new SeededRandom(8).bytes(700_001));
const LENGTH = { 'content-length': IMAGE.length };
const TAGGED = { ...LENGTH, etag: '"one"' };

/** As `openSource` reads it, but without pauses between attempts. */
async function download(url: string): Promise<Buffer> {
  const context = {
    env: {},
    signal: new AbortController().signal,
    onDebug: () => {},
    onFinding: () => {},
  };
  const input = await openHttpInput(new URL(url), context, [0, 0, 0]);
  try {
    const pieces: Uint8Array[] = [];
    for await (const piece of input.pieces()) pieces.push(piece);
    return Buffer.concat(pieces);
  } finally {
    await input.close();
  }
}

function startOf(range: string | undefined): number {
  return Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? Number.NaN);
}

describeWith(requireTools('gzip'), 'http', () => {
  it('reads an image, its size known from the start', async () => {
    const server = await startWebServer((_, response) =>
      response.writeHead(200, LENGTH).end(IMAGE),
    );
    const { bytes, sizeBytes } = await readSource(`${server.origin}/disk.img?key=1#part`);
    expect(bytes.equals(IMAGE)).toBe(true);
    expect(sizeBytes).toBe(IMAGE.length);
    expect(server.requests.map(({ url }) => url)).toEqual(['/disk.img?key=1']);
    expect(server.requests[0]!.headers['accept-encoding']).toBe('identity');
  });

  it('reads a body without a length', async () => {
    const server = await startWebServer((_, response) => response.writeHead(200).end(IMAGE));
    expect((await readSource(`${server.origin}/disk.img`)).bytes.equals(IMAGE)).toBe(true);
  });

  it.each([
    [403, 'forbidden'],
    [404, 'not-found'],
    [410, 'not-found'],
    [500, 'http-status'],
    [204, 'http-status'],
    [206, 'http-status'],
  ])('refuses status %d as %s, whatever comes with it', async (status, kind) => {
    const server = await startWebServer((_, response) =>
      response.writeHead(status).end(status === 204 ? undefined : IMAGE),
    );
    const reading = readSource(`${server.origin}/disk.img`);
    await expect(reading).rejects.toMatchObject({ kind });
  });

  it.each([
    ['its content', {}, '<!DOCTYPE html>\n<html>Not found</html>'],
    ['its content in XML', {}, '<?xml version="1.0"?><Error><Code>NoSuchKey</Code></Error>'],
    ['the declared type', { 'content-type': 'text/html; charset=utf-8' }, 'Sorry'],
    ['the declared type of JSON', { 'content-type': 'application/json' }, '{"error":404}'],
  ])('refuses a page with status 200 by %s', async (_, headers, body) => {
    const server = await startWebServer((__, response) =>
      response.writeHead(200, headers).end(body),
    );
    await expect(readSource(`${server.origin}/disk.img`)).rejects.toMatchObject({
      kind: 'web-page',
    });
    await expect(readSource(`${server.origin}/disk.img.gz`)).rejects.toThrow(/not gzip/);
  });

  it('takes an image for what it is, though a script declares it as a page', async () => {
    const headers = { ...LENGTH, 'content-type': 'text/html; charset=UTF-8' };
    const server = await startWebServer((_, response) =>
      response.writeHead(200, headers).end(IMAGE),
    );
    expect((await readSource(`${server.origin}/get.php?id=1`)).bytes.equals(IMAGE)).toBe(true);
  });

  it('refuses an encoding that nobody asked for', async () => {
    const headers = { 'content-encoding': 'br' };
    const server = await startWebServer((_, response) =>
      response.writeHead(200, headers).end(IMAGE),
    );
    const reading = readSource(`${server.origin}/disk.img`);
    await expect(reading).rejects.toMatchObject({ kind: 'content-encoding' });
  });

  it('lets go at once of a server that sends nothing', async () => {
    const packed = pack(PACKERS[0]!, IMAGE);
    const server = await startWebServer((_, response) => {
      response.writeHead(200, { 'content-length': packed.length }).write(packed.subarray(0, -9000));
    });
    const source = await openSource(`${server.origin}/disk.img.gz`);
    const started = Date.now();
    // Whoever stops reading has no need to say so beforehand.
    let readBytes = 0;
    for await (const piece of source.chunks(new AbortController().signal)) {
      readBytes += piece.length;
      if (readBytes > IMAGE.length - 20_000) break;
    }
    await source.close();
    expect(Date.now() - started).toBeLessThan(2000);
  });

  it('can be closed at any time, also twice', async () => {
    const server = await startWebServer((_, response) => {
      response.writeHead(200, LENGTH).write(IMAGE.subarray(0, 9000));
    });
    const source = await openSource(`${server.origin}/disk.img`);
    await source.close();
    await source.close();
    const reading = source.chunks(new AbortController().signal)[Symbol.asyncIterator]().next();
    await expect(reading).rejects.toThrow(/abort/);
  });

  it('says that nobody listens', async () => {
    await expect(readSource('http://127.0.0.1:1/disk.img')).rejects.toMatchObject({
      kind: 'ECONNREFUSED',
    });
  });

  it('stops within a second while the server sends nothing', async () => {
    const server = await startWebServer((_, response) =>
      response.writeHead(200, LENGTH).write(IMAGE.subarray(0, 9000)),
    );
    const source = await openSource(`${server.origin}/disk.img`);
    const control = new AbortController();
    setTimeout(() => control.abort(new Error('enough')), 50);
    const started = Date.now();
    await expect(
      (async () => {
        for await (const piece of source.chunks(control.signal)) void piece;
      })(),
    ).rejects.toThrow('enough');
    await source.close();
    expect(Date.now() - started).toBeLessThan(1000);
  });
});

describe('a download that is interrupted', () => {
  it('is continued where the server can', async () => {
    const server = await startWebServer((request, response, index) => {
      const start = index === 0 ? 0 : startOf(request.headers.range);
      const part = IMAGE.subarray(start, start + 200_000);
      const range = { 'content-range': `bytes ${start}-${IMAGE.length - 1}/${IMAGE.length}` };
      const headers = {
        ...TAGGED,
        'content-length': IMAGE.length - start,
        ...(index > 0 && range),
      };
      sendCut(response, headers, index === 0 ? 200 : 206, part);
    });
    expect((await download(`${server.origin}/disk.img`)).equals(IMAGE)).toBe(true);
    expect(server.requests.length).toBeGreaterThan(3);
    expect(server.requests[1]!.headers['if-range']).toBe('"one"');
  });

  it('is continued after the server was away, as a user would see it', async () => {
    const server = await startWebServer((request, response, index) => {
      if (index === 0) return sendCut(response, TAGGED, 200, IMAGE.subarray(0, 100_000));
      if (index === 1) return void response.destroy();
      if (index === 2) return void response.writeHead(503).end();
      const start = startOf(request.headers.range);
      const range = `bytes ${start}-${IMAGE.length - 1}/${IMAGE.length}`;
      response.writeHead(206, { etag: '"one"', 'content-range': range }).end(IMAGE.subarray(start));
    });
    expect((await readSource(`${server.origin}/disk.img`)).bytes.equals(IMAGE)).toBe(true);
  });

  it('is continued where an answer ends properly, but too early', async () => {
    const server = await startWebServer((request, response, index) => {
      if (index === 0) return sendCut(response, TAGGED, 200, IMAGE.subarray(0, 100_000));
      const start = startOf(request.headers.range);
      const range = `bytes ${start}-${IMAGE.length - 1}/${IMAGE.length}`;
      const part = IMAGE.subarray(start, start + 300_000);
      // Without a length the answer is sent in chunks, and its end is an end.
      response.writeHead(206, { 'content-range': range }).write(part);
      response.end();
    });
    expect((await download(`${server.origin}/disk.img`)).equals(IMAGE)).toBe(true);
    expect(server.requests.length).toBeGreaterThan(2);
  });

  it.each([
    ['the server ignores Range', TAGGED, (response) => response.writeHead(200, TAGGED).end(IMAGE)],
    [
      'the file was changed',
      TAGGED,
      (response, start) => {
        const range = `bytes ${start}-${IMAGE.length - 1}/${IMAGE.length}`;
        response
          .writeHead(206, { etag: '"two"', 'content-range': range })
          .end(IMAGE.subarray(start));
      },
    ],
    [
      'another part is sent',
      TAGGED,
      (response, start) => {
        const range = `bytes ${start + 1}-${IMAGE.length - 1}/${IMAGE.length}`;
        response.writeHead(206, { 'content-range': range }).end(IMAGE.subarray(start + 1));
      },
    ],
    [
      'the size has changed',
      TAGGED,
      (response, start) => {
        const range = `bytes ${start}-${IMAGE.length}/${IMAGE.length + 1}`;
        response.writeHead(206, { 'content-range': range }).end(IMAGE.subarray(start));
      },
    ],
    [
      'the answer is not marked as a part',
      TAGGED,
      (response, start) => {
        const range = `bytes ${start}-${IMAGE.length - 1}/${IMAGE.length}`;
        response.writeHead(200, { 'content-range': range }).end(IMAGE.subarray(start));
      },
    ],
    ['the file is gone', TAGGED, (response) => response.writeHead(404).end()],
    ['nothing tells versions apart', LENGTH, (response) => response.writeHead(200).end(IMAGE)],
    [
      'the tag is weak',
      { ...LENGTH, etag: 'W/"one"' },
      (response) => response.writeHead(200).end(IMAGE),
    ],
    ['no byte more arrives', TAGGED, (response) => response.destroy()],
  ] satisfies [
    string,
    Record<string, string | number>,
    (response: import('node:http').ServerResponse, start: number) => unknown,
  ][])('fails if %s', async (_, headers, answer) => {
    const server = await startWebServer((request, response, index) => {
      if (index === 0) sendCut(response, headers, 200, IMAGE.subarray(0, 100_000));
      else answer(response, startOf(request.headers.range));
    });
    const reading = download(`${server.origin}/disk.img`);
    await expect(reading).rejects.toMatchObject({ code: 'BMAP_SYSTEM', kind: 'interrupted' });
    expect(server.requests.length).toBeLessThan(6);
  });

  it('fails if a body in chunks has no end', async () => {
    const server = await startWebServer((_, response) => sendCut(response, {}, 200, IMAGE));
    await expect(readSource(`${server.origin}/disk.img`)).rejects.toMatchObject({
      kind: 'interrupted',
    });
  });
});

describe('credentials', () => {
  const right = `Basic ${Buffer.from('me:geheim').toString('base64')}`;

  async function startGuarded(): Promise<{ origin: string; port: number }> {
    return startWebServer((request, response) => {
      if (request.headers.authorization === right) response.writeHead(200, LENGTH).end(IMAGE);
      else response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
    });
  }

  it('are taken from the address, and never shown', async () => {
    const server = await startGuarded();
    const source = await openSource(`http://me:geheim@127.0.0.1:${server.port}/disk.img?token=abc`);
    expect(source.name).toBe(`${server.origin}/disk.img`);
    await source.close();
    const wrong = await readSource(`http://me:falsch@127.0.0.1:${server.port}/disk.img`).catch(
      (error: unknown) => error,
    );
    expect(wrong).toMatchObject({
      kind: 'http-status',
      message: expect.stringContaining('401') as unknown,
    });
    expect(describeWholly(wrong)).not.toMatch(/falsch|ZmFsc2No/);
  });

  it('are taken from ~/.netrc', async () => {
    const server = await startGuarded();
    const home = makeScratchFolder();
    writeFileSync(path.join(home, '.netrc'), 'machine 127.0.0.1 login me password geheim\n');
    const { bytes } = await readSource(`${server.origin}/disk.img`, { env: { HOME: home } });
    expect(bytes.equals(IMAGE)).toBe(true);
    await expect(readSource(`${server.origin}/disk.img`, { env: {} })).rejects.toThrow(/401/);
  });

  it('are kept for redirects to the same server, and from all others', async () => {
    const other = await startWebServer((_, response) => response.writeHead(200, LENGTH).end(IMAGE));
    const server = await startWebServer((request, response) => {
      const location = request.url === '/a' ? '/b' : `http://x:y@127.0.0.1:${other.port}/disk.img`;
      response.writeHead(302, { location }).end();
    });
    const home = makeScratchFolder();
    writeFileSync(path.join(home, '.netrc'), 'default login you password verraten\n');
    const address = `http://me:geheim@127.0.0.1:${server.port}/a`;
    expect((await readSource(address, { env: { HOME: home } })).bytes.equals(IMAGE)).toBe(true);
    expect(server.requests.map(({ headers }) => headers.authorization)).toEqual([right, right]);
    expect(other.requests.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  });
});

describe('redirects', () => {
  it('are followed to an end', async () => {
    const server = await startWebServer((request, response) => {
      const hop = Number(request.url!.slice(1));
      if (hop < 10)
        response
          .writeHead([301, 302, 303, 307, 308][(hop + 5) % 5]!, { location: `/${hop + 1}` })
          .end();
      else response.writeHead(200, LENGTH).end(IMAGE);
    });
    expect((await readSource(`${server.origin}/0`)).bytes.equals(IMAGE)).toBe(true);
    await expect(readSource(`${server.origin}/-1`)).rejects.toMatchObject({ kind: 'redirects' });
  });

  it.each(['file:///etc/hostname', 'ftp://127.0.0.1/x', 'http://[', ''])(
    'are not followed to %j',
    async (location) => {
      const server = await startWebServer((_, response) =>
        response.writeHead(302, { location }).end('x'),
      );
      await expect(readSource(`${server.origin}/disk.img`)).rejects.toMatchObject({
        kind: 'redirects',
      });
    },
  );
});

/** Passes plain requests on, and notes them with the login for the proxy. */
async function startProxy(): Promise<{ port: number; seen: string[] }> {
  const seen: string[] = [];
  const proxy = createServer((incoming, outgoing) => {
    seen.push(`${incoming.url} ${incoming.headers['proxy-authorization'] ?? ''}`.trim());
    const upstream = forward(incoming.url!, (response) => {
      outgoing.writeHead(response.statusCode!, response.headers);
      response.pipe(outgoing);
    });
    upstream.end();
  });
  return { port: await listen(proxy), seen };
}

describe('proxies', () => {
  it.each(['http_proxy', 'HTTP_PROXY'])('are taken from %s', async (variable) => {
    const server = await startWebServer((_, response) =>
      response.writeHead(200, LENGTH).end(IMAGE),
    );
    const proxy = await startProxy();
    const env = { [variable]: `http://me:geheim@127.0.0.1:${proxy.port}` };
    expect((await readSource(`${server.origin}/disk.img`, { env })).bytes.equals(IMAGE)).toBe(true);
    const login = Buffer.from('me:geheim').toString('base64');
    expect(proxy.seen).toEqual([`${server.origin}/disk.img Basic ${login}`]);
  });

  it.each(['no_proxy', 'NO_PROXY'])('are passed by for hosts in %s', async (variable) => {
    const server = await startWebServer((_, response) =>
      response.writeHead(200, LENGTH).end(IMAGE),
    );
    const proxy = await startProxy();
    const env = { http_proxy: `127.0.0.1:${proxy.port}`, [variable]: 'example.org,127.0.0.1' };
    expect((await readSource(`${server.origin}/disk.img`, { env })).bytes.equals(IMAGE)).toBe(true);
    expect(proxy.seen).toEqual([]);
    const used = { http_proxy: `127.0.0.1:${proxy.port}` };
    expect((await readSource(`${server.origin}/disk.img`, { env: used })).bytes.equals(IMAGE)).toBe(
      true,
    );
    expect(proxy.seen.length).toBe(1);
  });
});

describeWith(requireTools('gzip', 'xz'), 'small files', () => {
  it('are found, not found, or a failure', async () => {
    const server = await startWebServer((request, response) => {
      if (request.url === '/a.bmap') response.end('<bmap/>');
      else if (request.url === '/a.bmap.gz')
        response.end(pack(PACKERS[0]!, Buffer.from('<bmap/>')));
      else response.writeHead(request.url === '/broken' ? 500 : 404).end('<bmap/>');
    });
    for (const name of ['a.bmap', 'a.bmap.gz']) {
      const file = await readAuxiliaryFile(`${server.origin}/${name}`);
      expect(Buffer.from(file!.bytes).toString()).toBe('<bmap/>');
    }
    expect(await readAuxiliaryFile(`${server.origin}/none`)).toBeUndefined();
    await expect(readAuxiliaryFile(`${server.origin}/broken`)).rejects.toThrow(/500/);
    await expect(readAuxiliaryFile('http://127.0.0.1:1/x')).rejects.toThrow(/ECONNREFUSED/);
  });

  it('are read from files, and limited', async () => {
    const folder = makeScratchFolder();
    const file = path.join(folder, 'a.bmap.xz');
    writeFileSync(file, pack(PACKERS[2]!, Buffer.alloc(100_000, 'x')));
    expect((await readAuxiliaryFile(file))!.bytes.length).toBe(100_000);
    await expect(readAuxiliaryFile(file, {}, 99_999)).rejects.toMatchObject({ kind: 'too-large' });
    expect(await readAuxiliaryFile(path.join(folder, 'none'))).toBeUndefined();
    expect(await readAuxiliaryFile(path.join(file, 'below'))).toBeUndefined();
    await expect(readAuxiliaryFile(folder)).rejects.toMatchObject({ kind: 'EISDIR' });
  });
});

/** The error with everything that hangs on it, as a debugger would show it. */
function describeWholly(error: unknown): string {
  const { message, stack, cause } = error as Error;
  return [message, stack, cause === undefined ? '' : describeWholly(cause)].join('\n');
}
