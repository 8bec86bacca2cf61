import { expect, it } from 'vitest';

import { ArgumentError, parseArguments } from './parse-arguments.ts';
import { runBmaptool } from './run-bmaptool.ts';
import { COPY, CREATE, PROGRAM } from './surface.ts';

const never = new AbortController().signal;

it.each([
  [[], PROGRAM, 'the following arguments are required: command'],
  [['paint'], PROGRAM, "argument command: invalid choice: 'paint' (choose from 'create', 'copy')"],
  [['copy'], COPY, 'the following arguments are required: image, dest'],
  [['copy', 'a'], COPY, 'the following arguments are required: dest'],
  [['copy', '--nobmap', 'a'], COPY, 'the following arguments are required: dest'],
  [['copy', 'a', 'b', 'c'], PROGRAM, 'unrecognized arguments: c'],
  [['copy', '--paint', 'a', 'b'], PROGRAM, 'unrecognized arguments: --paint'],
  [['copy', '-q', 'a', 'b'], PROGRAM, 'unrecognized arguments: -q'],
  [['--paint', 'copy', 'a', 'b'], PROGRAM, 'unrecognized arguments: --paint'],
  [
    ['copy', '--no', 'a', 'b'],
    COPY,
    'ambiguous option: --no could match --nobmap, --no-sig-verify, --no-verify',
  ],
  [['copy', '--nobmap=1', 'a', 'b'], COPY, "argument --nobmap: ignored explicit argument '1'"],
  [['copy', 'a', 'b', '--bmap'], COPY, 'argument --bmap: expected one argument'],
  [['copy', '--bmap', '--nobmap', 'a', 'b'], COPY, 'argument --bmap: expected one argument'],
  [['create', 'a', '-o'], CREATE, 'argument -o/--output: expected one argument'],
  [['-qx', 'copy', 'a', 'b'], PROGRAM, "argument -q/--quiet: ignored explicit argument 'x'"],
])('does not understand %j', async (args, spec, message) => {
  const problem = await runBmaptool(args, never).then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(problem).toBeInstanceOf(ArgumentError);
  expect(problem).toMatchObject({ spec, message });
});

it.each([
  [['--bmap', 'x', 'a', 'b']],
  [['--bmap=x', 'a', 'b']],
  [['a', '--bmap', 'x', 'b']],
  [['a', 'b', '--bmap=x']],
  [['--bmap', 'x', '--', 'a', 'b']],
])('understands %j', (args) => {
  const { options, positionals, unknown } = parseArguments(COPY, args);
  expect(Object.fromEntries(options)).toEqual({ '--bmap': 'x' });
  expect({ positionals, unknown }).toEqual({ positionals: ['a', 'b'], unknown: [] });
});

it('takes letters together, and values written on to them', () => {
  expect([...parseArguments(PROGRAM, ['-qd', 'copy']).options.keys()]).toEqual([
    '--quiet',
    '--debug',
  ]);
  for (const args of [['-ox'], ['-o', 'x'], ['-o=x'], ['--out', 'x']]) {
    expect(parseArguments(CREATE, args).options.get('--output')).toBe('x');
  }
});

it('leaves everything behind the command to the command', () => {
  const { positionals, rest } = parseArguments(PROGRAM, ['-q', 'copy', '--nobmap', '-', 'x']);
  expect({ positionals, rest }).toEqual({
    positionals: ['copy'],
    rest: ['--nobmap', '-', 'x'],
  });
});

it('takes - and names behind -- for names', () => {
  expect(parseArguments(COPY, ['-', '--', '-b']).positionals).toEqual(['-', '-b']);
});
