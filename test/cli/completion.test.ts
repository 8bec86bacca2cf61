/** The scripts in the shells they are for. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';

import { commandFacts } from '../../src/cli/command-facts.ts';
import { createProgram } from '../../src/cli/program.ts';
import { completeInBash, completeInFish, completeInZsh } from '../support/complete.ts';
import { describeWith, itWith, requireTools } from '../support/requirements.ts';
import { run, runBmap } from '../support/run.ts';
import { makeScratchFolder } from '../support/scratch.ts';

const FILES = ['distro.bmap', 'distro.img'];
const COMMANDS = createProgram('', () => {}).commands.map(commandFacts);
const NAMES = COMMANDS.map(({ name }) => name);
const TOPICS = ['formats', 'maps', 'safety', 'exit-codes', 'environment'];

function optionsOf(command: string): readonly string[] {
  return COMMANDS.find(({ name }) => name === command)!.options.flatMap(({ names }) => names);
}

function makeFolder(): string {
  const folder = makeScratchFolder();
  for (const name of FILES) writeFileSync(path.join(folder, name), '');
  mkdirSync(path.join(folder, 'other'));
  return folder;
}

const SHELLS = [
  { shell: 'bash', complete: completeInBash },
  { shell: 'zsh', complete: completeInZsh },
  { shell: 'fish', complete: completeInFish },
];

for (const { shell, complete } of SHELLS) {
  describeWith(requireTools(shell), `in ${shell}`, () => {
    const script = runBmap(['completion', shell]).stdout;
    const offers = (line: string): readonly string[] =>
      // Fish repeats the option in front of its value.
      complete({ line, script, folder: makeFolder() }).map((word) => word.replace(/^--.*=/, ''));

    it('starts no program', () => {
      const folder = makeFolder();
      for (const name of ['bmap', 'node']) {
        const program = path.join(folder, name);
        writeFileSync(program, `#!/bin/sh\n: > '${folder}/started'\n`, { mode: 0o755 });
      }
      for (const line of ['bmap ', 'bmap scan -', 'bmap scan --gaps ', 'bmap help ']) {
        expect(complete({ line, script, folder })).not.toEqual([]);
      }
      expect(existsSync(path.join(folder, 'started'))).toBe(false);
    });

    it.each<[string, readonly string[]]>([
      ['bmap ', NAMES],
      ['bmap sc', ['scan']],
      ['bmap -q sc', ['scan']],
      ['bmap scan --gaps ', ['keep', 'data']],
      ['bmap scan --gaps=d', ['data']],
      ['bmap copy --unmapped ', ['skip', 'discard', 'zero']],
      ['bmap help ', [...NAMES, ...TOPICS]],
      ['bmap help f', ['formats']],
      ['bmap completion ', ['bash', 'zsh', 'fish']],
      ['bmap scan dis', FILES],
      ['bmap scan -o dis', FILES],
      ['bmap scan --output=dis', FILES],
      ['bmap --debug copy --retries 2 distro.img dis', FILES],
      ['bmap copy https://example.org/distro.img dis', FILES],
      ['bmap copy --bmap https://example.org/distro.bmap dis', FILES],
      ['bmap copy --retries ', []],
      ['bmap scan --member dis', []],
      ['bmap scan distro.img dis', []],
      ['bmap help formats f', []],
      ['bmap scan --keep 1-2 --keep', ['--keep', '--keep-partition']],
      ['bmap copy -', optionsOf('copy')],
      ['bmap help -', optionsOf('help')],
    ])('%j', (line, expected) => {
      expect(offers(line).toSorted()).toEqual(expected.toSorted());
    });
  });
}

it('there is a script for no other shell', () => {
  const { status, stderr } = runBmap(['completion', 'tcsh']);
  expect(stderr).toMatch(/'tcsh'.*bash, zsh, fish/);
  expect(status).toBe(2);
});

itWith(requireTools('bash', 'script'), 'the tabulator key does its work in bash', () => {
  const folder = makeFolder();
  writeFileSync(path.join(folder, 'bmap.bash'), runBmap(['completion', 'bash']).stdout);
  const keys = [
    'source ./bmap.bash',
    `bmap() { printf '<%s>' "$@" >> typed; }`,
    'bmap sc\t--ga\td\t distro.i\t',
    'exit',
  ];
  run('script', ['-q', '-e', '-c', 'bash --norc --noprofile -i', '/dev/null'], {
    cwd: folder,
    input: `${keys.join('\n')}\n`,
    env: { INPUTRC: '/dev/null', HISTFILE: '/dev/null' },
  });
  expect(run('cat', ['typed'], { cwd: folder })).toBe('<scan><--gaps><data><distro.img>');
});
