/** https as the program is shipped: Node reads which authorities to trust only when it starts. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createProxy, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer } from 'node:https';
import { connect, type AddressInfo, type Socket } from 'node:net';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';

import { SeededRandom } from '../support/random.ts';
import { describeWith, requireTools } from '../support/requirements.ts';
import { run } from '../support/run.ts';
import { makeScratchFolder } from '../support/scratch.ts';
import { listen, startWebServer } from '../support/web-server.ts';

const IMAGE = Buffer.from(new SeededRandom(12).bytes(500_001));

async function startTlsServer(answer: RequestListener): Promise<{ origin: string; ca: string }> {
  const folder = makeScratchFolder();
  const [key, ca] = [path.join(folder, 'key.pem'), path.join(folder, 'cert.pem')];
  const args = ['-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost'];
  const names = ['-addext', 'subjectAltName=DNS:localhost'];
  run('openssl', ['req', '-x509', ...args, ...names, '-keyout', key, '-out', ca]);
  const server = createServer({ key: readFileSync(key), cert: readFileSync(ca) }, answer);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { origin: `https://localhost:${(server.address() as AddressInfo).port}`, ca };
}

async function copy(
  address: string,
  env: Readonly<Record<string, string>>,
): Promise<{ status: number; stderr: string; written: Buffer | undefined }> {
  const target = path.join(makeScratchFolder(), 'out.img');
  const args = ['dist/bin/bmap.js', 'copy', '--nobmap', address, target];
  const child = spawn(process.execPath, args, { env: { ...process.env, ...env } });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [status] = (await once(child, 'close')) as [number];
  return { status, stderr, written: status === 0 ? readFileSync(target) : undefined };
}

describeWith(requireTools('openssl'), 'https', () => {
  it('trusts whom Node is told to trust, and nobody else', async () => {
    const { origin, ca } = await startTlsServer((_, response) => response.end(IMAGE));
    const trusting = await copy(`${origin}/disk.img`, { NODE_EXTRA_CA_CERTS: ca });
    expect(trusting.stderr).not.toMatch(/error/i);
    expect(trusting.written?.equals(IMAGE)).toBe(true);
    const careful = await copy(`${origin}/disk.img`, {});
    expect(careful.status).toBe(7);
    expect(careful.stderr).toMatch(/certificate/);
  });

  it('goes through a tunnel of the proxy', async () => {
    const { origin, ca } = await startTlsServer((_, response) => response.end(IMAGE));
    const seen: string[] = [];
    const proxy = createProxy();
    proxy.on('connect', (request: IncomingMessage, client: Socket) => {
      seen.push(`${request.url} ${request.headers['proxy-authorization']}`);
      const upstream = connect(Number(request.url!.split(':')[1]), '127.0.0.1', () => {
        client.write('HTTP/1.1 200 OK\r\n\r\n');
        upstream.pipe(client).pipe(upstream);
      });
      for (const end of [upstream, client]) end.on('error', () => {});
    });
    const port = await listen(proxy);
    const variables = {
      NODE_EXTRA_CA_CERTS: ca,
      https_proxy: `http://me:geheim@127.0.0.1:${port}`,
    };
    const { written, stderr } = await copy(`${origin}/disk.img`, variables);
    expect(stderr).not.toMatch(/error|geheim/i);
    expect(written?.equals(IMAGE)).toBe(true);
    const login = Buffer.from('me:geheim').toString('base64');
    expect(seen).toEqual([`${origin.slice('https://'.length)} Basic ${login}`]);
  });

  it('says that a redirect leaves it', async () => {
    const plain = await startWebServer((_, response) => response.end(IMAGE));
    const { origin, ca } = await startTlsServer((_, response) =>
      response.writeHead(302, { location: `${plain.origin}/disk.img` }).end(),
    );
    const address = origin.replace('//', '//me:geheim@');
    const { written, stderr } = await copy(`${address}/disk.img`, { NODE_EXTRA_CA_CERTS: ca });
    expect(written?.equals(IMAGE)).toBe(true);
    expect(stderr).toMatch(/anyone on the way can change/);
    expect(stderr).not.toMatch(/geheim/);
    expect(plain.requests[0]!.headers.authorization).toBeUndefined();
  });
});
