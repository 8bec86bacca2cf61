/**
 * bmaptool's own tests of its command line, run against the alias. They are under another licence and no
 * part of this project: BMAPTOOL_SOURCE names an unpacked source package of bmap-tools 3.9.0
 * (`apt-get source bmap-tools`, or bmap-tools_3.9.0.orig.tar.gz from the Debian archive).
 */
import { chmodSync, cpSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';

import { expect, it } from 'vitest';

import { describeWith, requirePythonModule, requireTools } from '../support/requirements.ts';
import { tryRun } from '../support/run.ts';
import { makeScratchFolder } from '../support/scratch.ts';

const source = process.env['BMAPTOOL_SOURCE'];
const requirement =
  source === undefined ? ['BMAPTOOL_SOURCE: unpacked source of bmap-tools 3.9.0'] : [];

describeWith(
  [...requirement, ...requireTools('gpg', 'gpg-agent'), ...requirePythonModule('gpg')],
  'the tests of bmaptool',
  () => {
    it('pass against the alias', () => {
      const folder = makeScratchFolder();
      cpSync(source!, folder, { recursive: true });
      const program = path.resolve('dist/bin/bmaptool.js');
      chmodSync(program, 0o755);
      const programs = makeScratchFolder();
      symlinkSync(program, path.join(programs, 'bmaptool'));
      const temporary = makeScratchFolder();
      const runSuite = () => {
        rmSync(path.join(folder, 'tests/test-data/signatures'), { recursive: true, force: true });
        return tryRun('/usr/bin/python3', ['-m', 'unittest', 'tests.test_CLI'], {
          cwd: folder,
          env: {
            PATH: `${programs}:${process.env['PATH']}`,
            PYTHONPATH: path.join(folder, 'src'),
            TMPDIR: temporary,
          },
        }).stderr;
      };
      // They delete the home of gpg while its agent still removes its sockets, and lose now and then.
      let result = runSuite();
      for (let round = 0; round < 9 && result.includes("directory: 'S.gpg-agent"); round++) {
        result = runSuite();
      }
      expect(result).toMatch(/Ran 8 tests[^]*\nOK\n$/);
    });
  },
);
