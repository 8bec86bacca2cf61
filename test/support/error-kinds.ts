/**
 * Every kind of error that the sources can make, read from their syntax trees. A kind is the first
 * argument of a constructor: a string, a choice between strings, or a variable. What a variable can hold is
 * looked up where it is declared; that of a parameter in all calls of its function. Whatever cannot be
 * followed is returned as text, so that nothing is passed over in silence.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { parseSync, Visitor, type Expression, type Program } from 'oxc-parser';

const FAMILIES = /^(?:Usage|Corrupt|Unsupported|Mismatch|Refused|System|Interrupted|Targets)Error$/;

export interface ErrorKind {
  readonly file: string;
  /** The name of the class, for example `CorruptError`. */
  readonly family: string;
  readonly kind: string;
}

/** A kind that is not written where the error is made. */
export interface UnknownKind {
  readonly file: string;
  readonly family: string;
  readonly expression: string;
}

interface Source {
  readonly file: string;
  readonly text: string;
  readonly program: Program;
}

/** A function that makes errors of kinds it is given. */
interface Maker {
  readonly file: string;
  readonly name: string;
  readonly family: string;
  readonly argument: number;
}

type Kinds = { readonly kinds: readonly string[]; readonly unknown: readonly Expression[] };

export interface ErrorKinds {
  readonly known: readonly ErrorKind[];
  readonly unknown: readonly UnknownKind[];
}

/** Reads all sources below the folders, tests left out. */
export function collectErrorKinds(folders: readonly string[]): ErrorKinds {
  const sources = folders.flatMap((folder) => listSources(folder));
  const known: ErrorKind[] = [];
  const unknown: UnknownKind[] = [];
  const add = (source: Source, family: string, argument: Expression | undefined): void => {
    const { file, text } = source;
    const found = argument === undefined ? NOTHING : followKinds(argument, source);
    known.push(...found.kinds.map((kind) => ({ file, family, kind })));
    for (const { start, end } of found.unknown) {
      unknown.push({ file, family, expression: text.slice(start, end) });
    }
  };
  const makers = sources.flatMap((source) => findErrors(source, add));
  for (const maker of makers) {
    for (const source of sources) {
      const name = findLocalName(source, maker);
      const calls = name === undefined ? [] : listCalls(source, name);
      for (const call of calls) add(source, maker.family, call[maker.argument]);
    }
  }
  return { known, unknown };
}

function listSources(folder: string): readonly Source[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !/\.(?:test|d)\.ts$/.test(name))
    .map((name) => {
      const file = path.join(folder, name);
      const text = readFileSync(file, 'utf8');
      const { program, errors } = parseSync(file, text);
      if (errors.length > 0) throw new Error(`${file}: ${errors[0]!.message}`);
      return { file, text, program };
    });
}

/** Hands each kind that stands where its error is made to `add`; returns the functions that are given one. */
function findErrors(
  source: Source,
  add: (source: Source, family: string, argument: Expression | undefined) => void,
): readonly Maker[] {
  const makers: Maker[] = [];
  const { file } = source;
  const functions: { readonly name: string; readonly parameters: readonly string[] }[] = [];
  const enter = (name: string | undefined, parameters: readonly { readonly type: string }[]) => {
    functions.push({ name: name ?? '', parameters: parameters.map((one) => nameOf(one)) });
  };
  const leave = () => void functions.pop();
  let arrowName: string | undefined;
  new Visitor({
    VariableDeclarator: ({ id, init }) => {
      arrowName = init?.type === 'ArrowFunctionExpression' ? nameOf(id) : undefined;
    },
    FunctionDeclaration: ({ id, params }) => enter(id?.name, params),
    'FunctionDeclaration:exit': leave,
    FunctionExpression: ({ params }) => enter(undefined, params),
    'FunctionExpression:exit': leave,
    ArrowFunctionExpression: ({ params }) => {
      enter(arrowName, params);
      arrowName = undefined;
    },
    'ArrowFunctionExpression:exit': leave,
    NewExpression: ({ callee, arguments: given }) => {
      const family = nameOf(callee);
      const [first] = given;
      if (!FAMILIES.test(family) || family === 'TargetsError') return;
      const name = first === undefined ? '' : nameOf(first);
      const maker = functions.findLast(({ parameters }) => parameters.includes(name));
      // Of a function without a name the calls are not found: its kinds stay unknown.
      if (name === '' || maker === undefined || maker.name === '') {
        add(source, family, first as Expression);
        return;
      }
      makers.push({ file, name: maker.name, family, argument: maker.parameters.indexOf(name) });
    },
  }).visit(source.program);
  return makers;
}

/** What the function is called in the file that declares it, and where it is imported from there. */
function findLocalName(source: Source, maker: Maker): string | undefined {
  if (source.file === maker.file) return maker.name;
  for (const statement of source.program.body) {
    if (statement.type !== 'ImportDeclaration') continue;
    if (path.join(path.dirname(source.file), statement.source.value) !== maker.file) continue;
    for (const specifier of statement.specifiers) {
      if (specifier.type !== 'ImportSpecifier') continue;
      if (nameOf(specifier.imported) === maker.name) return specifier.local.name;
    }
  }
  return undefined;
}

function listCalls({ program }: Source, name: string): readonly (readonly Expression[])[] {
  const calls: (readonly Expression[])[] = [];
  new Visitor({
    CallExpression: ({ callee, arguments: given }) => {
      if (nameOf(callee) === name) calls.push(given as Expression[]);
    },
  }).visit(program);
  return calls;
}

const NOTHING: Kinds = { kinds: [], unknown: [] };

/** All strings that an expression can be. */
function followKinds(expression: Expression, source: Source): Kinds {
  if (expression.type === 'Literal' && typeof expression.value === 'string') {
    return { kinds: [expression.value], unknown: [] };
  }
  if (expression.type === 'ConditionalExpression') {
    return followAll([expression.consequent, expression.alternate], source);
  }
  if (expression.type === 'LogicalExpression') {
    return followAll([expression.left, expression.right], source);
  }
  const values = findValues(source, nameOf(expression));
  return values.length > 0 ? followAll(values, source) : { kinds: [], unknown: [expression] };
}

function followAll(expressions: readonly Expression[], source: Source): Kinds {
  const all = expressions.map((one) => followKinds(one, source));
  return {
    kinds: all.flatMap(({ kinds }) => kinds),
    unknown: all.flatMap(({ unknown }) => unknown),
  };
}

/** What constants of that name are set to. */
function findValues({ program }: Source, name: string): readonly Expression[] {
  const values: Expression[] = [];
  new Visitor({
    VariableDeclarator: ({ id, init }) => {
      if (name !== '' && nameOf(id) === name && init !== null) values.push(init);
    },
  }).visit(program);
  return values;
}

function nameOf(node: { readonly type: string }): string {
  return node.type === 'Identifier' ? (node as unknown as { readonly name: string }).name : '';
}
