/** Images through a real ssh client from a real server, with keys and configuration of their own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';

import { openSource } from '../../src/copy/source/open-source.ts';
import { readAuxiliaryFile } from '../../src/copy/source/read-auxiliary.ts';
import { makeFiles } from '../support/packers.ts';
import { SeededRandom } from '../support/random.ts';
import { readSource } from '../support/read-source.ts';
import { describeWith, requireRoot, requireTools } from '../support/requirements.ts';
import { run } from '../support/run.ts';
import { makeScratchFolder } from '../support/scratch.ts';

const IMAGE = Buffer.from(new SeededRandom(10).bytes(2_000_001));

interface SshServer {
  readonly port: number;
  /** Has a program `ssh` in front of the PATH that uses the test's own configuration. */
  readonly env: Record<string, string>;
  /** Forgets the server's key. */
  readonly forgetHost: () => void;
}

async function findPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function startServer(): Promise<SshServer> {
  const folder = makeScratchFolder();
  const at = (name: string): string => path.join(folder, name);
  for (const key of ['host', 'user'])
    run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', at(key)]);
  writeFileSync(at('authorized'), readFileSync(at('user.pub')));
  mkdirSync('/run/sshd', { recursive: true });
  const port = await findPort();
  writeFileSync(
    at('sshd_config'),
    [
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${at('host')}`,
      `AuthorizedKeysFile ${at('authorized')}`,
      'PidFile none',
      'StrictModes no',
      'UsePAM no',
      'PermitRootLogin prohibit-password',
      'PasswordAuthentication no',
    ].join('\n'),
  );
  const server = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', at('sshd_config')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  onTestFinished(() => void server.kill());
  await once(server.stderr, 'data');
  const hostKey = readFileSync(at('host.pub'), 'utf8').split(' ').slice(0, 2).join(' ');
  writeFileSync(at('known_hosts'), `[127.0.0.1]:${port} ${hostKey}\n`);
  const options = [
    `IdentityFile ${at('user')}`,
    'IdentitiesOnly yes',
    `UserKnownHostsFile ${at('known_hosts')}`,
    'GlobalKnownHostsFile none',
    'BatchMode yes',
  ];
  writeFileSync(at('ssh_config'), `Host *\n${options.map((line) => `  ${line}\n`).join('')}`);
  mkdirSync(at('bin'));
  writeFileSync(at('bin/ssh'), `#!/bin/sh\nexec /usr/bin/ssh -F ${at('ssh_config')} "$@"\n`);
  chmodSync(at('bin/ssh'), 0o755);
  return {
    port,
    env: { PATH: `${at('bin')}:${process.env['PATH'] ?? ''}`, HOME: folder },
    forgetHost: () => writeFileSync(at('known_hosts'), ''),
  };
}

const NEEDS = [...requireRoot(), ...requireTools('ssh', 'sshd', 'ssh-keygen')];

describeWith(NEEDS, 'ssh', () => {
  it('reads an image, whatever its name', async () => {
    const { port, env } = await startServer();
    const name = `it's $(touch pwned); "-x" & 100%.img`;
    const folder = makeFiles({ [name]: IMAGE });
    const address = `ssh://root@127.0.0.1:${port}${folder}/${encodeURIComponent(name)}`;
    expect((await readSource(address, { env })).bytes.equals(IMAGE)).toBe(true);
  });

  it('refuses a server whose key is not known', async () => {
    const { port, env, forgetHost } = await startServer();
    const folder = makeFiles({ 'disk.img': IMAGE });
    const address = `ssh://127.0.0.1:${port}${folder}/disk.img`;
    expect((await readSource(address, { env })).bytes.equals(IMAGE)).toBe(true);
    forgetHost();
    const reading = readSource(address, { env });
    await expect(reading).rejects.toMatchObject({ code: 'BMAP_SYSTEM', kind: 'ssh' });
    await expect(reading).rejects.toThrow(/[Hh]ost key/);
  });

  it('tells what is not there from what cannot be read', async () => {
    const { port, env } = await startServer();
    const folder = makeFiles({ 'disk.bmap': '<bmap/>' });
    const address = `ssh://127.0.0.1:${port}${folder}`;
    expect((await readAuxiliaryFile(`${address}/disk.bmap`, { env }))!.bytes.length).toBe(7);
    expect(await readAuxiliaryFile(`${address}/none`, { env })).toBeUndefined();
    await expect(readAuxiliaryFile(address, { env })).rejects.toMatchObject({ kind: 'ssh' });
    await expect(readAuxiliaryFile(`ssh://127.0.0.1:1${folder}/x`, { env })).rejects.toMatchObject({
      kind: 'ssh',
    });
  });

  it('fails if the connection or the remote program ends early', async () => {
    const { port, env } = await startServer();
    // A file that has more at first than when it is read to its end: cat fails on a folder in between.
    const folder = makeFiles({ 'disk.img': IMAGE });
    const wrapper = path.join(makeScratchFolder(), 'ssh');
    writeFileSync(
      wrapper,
      `#!/bin/sh\nPATH="${env['PATH']}"\nssh "$@" | head -c 100000\nexit 255\n`,
    );
    chmodSync(wrapper, 0o755);
    const cut = { ...env, PATH: `${path.dirname(wrapper)}:${env['PATH']}` };
    const address = `ssh://127.0.0.1:${port}${folder}/disk.img`;
    await expect(readSource(address, { env: cut })).rejects.toMatchObject({ kind: 'ssh' });
  });

  it('stops within a second', async () => {
    const { port, env } = await startServer();
    const folder = makeScratchFolder();
    const pipe = path.join(folder, 'pipe');
    run('mkfifo', [pipe]);
    const writer = spawn('sh', ['-c', 'head -c 100000 /dev/urandom; sleep 60'], {
      stdio: ['ignore', (await import('node:fs')).openSync(pipe, 'r+'), 'ignore'],
    });
    onTestFinished(() => void writer.kill());
    const source = await openSource(`ssh://127.0.0.1:${port}${pipe}`, { env });
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

describeWith(requireTools('ssh'), 'ssh addresses', () => {
  it.each([
    'ssh://-oProxyCommand=touch%20pwned/x',
    'ssh://-lroot@host/x',
    'ssh://%2doProxyCommand=x/y',
    'ssh://host%0a/x',
    'ssh://host name/x',
    'ssh://host/',
    'ssh://host/a%00b',
  ])('%s is refused before anything is run', async (address) => {
    const folder = makeScratchFolder();
    const log = path.join(folder, 'log');
    appendFileSync(log, '');
    writeFileSync(path.join(folder, 'ssh'), `#!/bin/sh\necho run >> ${log}\n`);
    chmodSync(path.join(folder, 'ssh'), 0o755);
    const env = { PATH: `${folder}:${process.env['PATH'] ?? ''}` };
    await expect(readSource(address, { env })).rejects.toMatchObject({ code: 'BMAP_USAGE' });
    expect(readFileSync(log, 'utf8')).toBe('');
  });

  it('passes users, ports and passwords so that nobody else sees them', async () => {
    const folder = makeScratchFolder();
    const script = `#!/bin/sh\nprintf '%s|' "$0" "$@" > ${folder}/args\ncat <&3 > ${folder}/secret\nprintf data\n`;
    writeFileSync(path.join(folder, 'sshpass'), script);
    chmodSync(path.join(folder, 'sshpass'), 0o755);
    const env = { PATH: `${folder}:${process.env['PATH'] ?? ''}` };
    await readSource('ssh://me:ge%20heim@[::1]:2222/~/disk.img', { env });
    const expected = `${folder}/sshpass|-d3|ssh|-p|2222|-l|me|--|::1|cat -- 'disk.img'|`;
    expect(readFileSync(path.join(folder, 'args'), 'utf8')).toBe(expected);
    expect(readFileSync(path.join(folder, 'secret'), 'utf8')).toBe('ge heim\n');
  });
});
