/** man/bmap.1 says what the program says. "npm run man" brings it up to date. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

import { formatManualPage } from '../../man/manual-page.ts';
import { bold, prose } from '../../man/roff.ts';
import { commandFacts } from '../../src/cli/command-facts.ts';
import { createProgram } from '../../src/cli/program.ts';
import { describeWith, itWith, requireTools } from '../support/requirements.ts';
import { run, tryRun } from '../support/run.ts';

const PAGE = 'man/bmap.1';

interface Package {
  readonly version: string;
  readonly man: string;
  readonly files: readonly string[];
}

const { version, man, files } = JSON.parse(readFileSync('package.json', 'utf8')) as Package;

describe('the manual page', () => {
  it('is what "npm run man" makes of the help texts', async () => {
    await expect(await formatManualPage(version)).toMatchFileSnapshot(`../../${PAGE}`);
  });

  it('is installed with the package', () => {
    expect(man).toBe(`./${PAGE}`);
    expect(files).toContain(PAGE);
  });

  itWith(requireTools('mandoc'), 'is good style to mandoc', async () => {
    const input = await formatManualPage(version);
    const answer = tryRun('mandoc', ['-T', 'lint'], { input });
    expect(answer).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  itWith(requireTools('groff'), 'gives groff nothing to warn of', async () => {
    const input = await formatManualPage(version);
    const answer = tryRun('groff', ['-man', '-ww', '-z', '-T', 'utf8'], { input });
    expect(answer).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  itWith(
    requireTools('mandoc'),
    'shows every option of every command, and its sections',
    async () => {
      const input = await formatManualPage(version);
      const shown = unstrike(run('mandoc', ['-T', 'ascii'], { input }));
      for (const title of ['NAME', 'SYNOPSIS', 'COMMANDS', 'EXIT STATUS', 'ENVIRONMENT']) {
        expect(shown).toMatch(new RegExp(`^${title}$`, 'm'));
      }
      for (const command of createProgram(version, () => {}).commands) {
        const { name, options } = commandFacts(command);
        const start = shown.indexOf(`\n   bmap ${name} `);
        const text = shown.slice(start, shown.indexOf('\n   bmap ', start + 1));
        expect(start).toBeGreaterThan(0);
        const own = options.filter(({ names }) => !/^--(?:quiet|debug|help)$/.test(names.at(-1)!));
        for (const { names } of own) expect(text).toContain(`\n       ${names.join(', ')}`);
      }
    },
  );
});

describeWith(requireTools('mandoc'), 'text in the page comes out as it went in', () => {
  it.each([
    'C:\\dir',
    "it's ~/x or ^y",
    '.dot first',
    "'quote first",
    'a-b, --keep-partition, - too',
  ])('%s', (text) => {
    const input = ['.TH X 1 2026-01-01', '.SH A', prose(text), '.SH B', bold(text)].join('\n');
    const shown = unstrike(run('mandoc', ['-T', 'ascii'], { input }));
    expect(shown.split('\n').filter((line) => line.trim() === text)).toHaveLength(2);
  });
});

it('what is typed with a dash has no hyphen in the page', () => {
  expect(prose('a well-known - or --no-verify')).toBe(
    'a well-known \\%\\- or \\%\\-\\-no\\-verify',
  );
  expect(bold('--bmap-sig')).toBe('\\fB\\-\\-bmap\\-sig\\fR');
});

/** Bold and underlined letters are written, taken back, and written again. */
function unstrike(text: string): string {
  const parts = text.split('\b');
  return parts.map((part, index) => (index < parts.length - 1 ? part.slice(0, -1) : part)).join('');
}
