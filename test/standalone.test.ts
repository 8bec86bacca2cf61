/** The self-contained build, started where there is nothing but a shell and the C library. */
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { makeBareRoot, runInRoot } from './support/bare-root.ts';
import { makeDemoImage } from './support/demo-image.ts';
import { describeWith, itWith, requireRoot, requireTools } from './support/requirements.ts';
import { run, runBmap } from './support/run.ts';
import { buildStandalone, RELEASE, requireStandalone } from './support/standalone.ts';

describeWith(requireStandalone(), 'the self-contained build', () => {
  let root = '';
  const home = path.join('/opt', RELEASE);

  beforeAll(() => {
    root = mkdtempSync(path.join(tmpdir(), 'bmap-test-'));
    mkdirSync(path.join(root, 'opt'));
    run('tar', ['-xzf', buildStandalone(root), '-C', path.join(root, 'opt')]);
  });
  afterAll(() => rmSync(root, { recursive: true }));

  itWith(
    [...requireTools('chroot', 'ldd', 'readlink'), ...requireRoot()],
    'runs in a bare system without Node, called through links',
    () => {
      makeBareRoot(root, [path.join(root, home, 'lib/node')]);
      mkdirSync(path.join(root, 'usr/bin'), { recursive: true });
      symlinkSync(path.join(home, 'bin/bmap'), path.join(root, 'usr/bin/first'));
      symlinkSync('first', path.join(root, 'usr/bin/second'));
      const image = makeDemoImage();
      copyFileSync(image, path.join(root, 'demo.img'));

      expect(runInRoot(root, ['/usr/bin/second', '--version'])).toEqual(runBmap(['--version']));
      const expected = runBmap(['scan', '--quiet', '--bmap', image]);
      expect(expected.stdout).toContain('</bmap>');
      expect(
        runInRoot(root, [`${home}/bin/bmap`, 'scan', '--quiet', '--bmap', '/demo.img']),
      ).toEqual(expected);

      // Holes are asked for through koffi's library, the one part that is native.
      const created = runInRoot(root, [`${home}/bin/bmaptool`, 'create', '/demo.img']);
      expect(created.status).toBe(0);
      expect(created.stdout).toBe(run(process.execPath, ['dist/bin/bmaptool.js', 'create', image]));
    },
  );

  it('holds the manual, one library of koffi, and the licence of everything', () => {
    const folder = path.join(root, home);
    const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
    expect(names).toContain('share/man/man1/bmap.1');
    expect(names.filter((name) => name.endsWith('.node'))).toHaveLength(1);

    const notices = readFileSync(path.join(folder, 'THIRD-PARTY.md'), 'utf8');
    const rows = [...notices.matchAll(/^\|.*\|$/gm)]
      .slice(2)
      .map(([row]) => row.split('|').map((cell) => cell.trim()));
    const packages = names.filter((name) =>
      /node_modules\/(@[^/]+\/)?[^/@]+\/package\.json$/.test(name),
    );
    // Every package, Node itself and the library inside ext2fs.
    expect(packages.length).toBeGreaterThan(10);
    expect(rows).toHaveLength(packages.length + 2);
    for (const [, , , , text = ''] of rows) {
      expect(readFileSync(path.join(folder, text), 'utf8')).toMatch(/permission|licen[cs]e/i);
    }
  });
});
