/**
 * Command lines as Python's argparse reads them, since scripts have come to rely on it: options may be
 * shortened as long as they are unique, values follow or stand behind `=`, options and positional
 * arguments mix, and `--` ends the options. Source: Python library reference, argparse.
 */

export interface OptionSpec {
  /** Long form with its dashes, for example `--bmap-sig`. */
  readonly long: string;
  /** One letter with its dash. */
  readonly short?: string;
  /** What stands for the value in help; left out for options that take none. */
  readonly value?: string;
  readonly help: string;
}

export interface ParserSpec {
  /** `bmaptool copy` */
  readonly program: string;
  readonly options: readonly OptionSpec[];
  readonly positionals: readonly { readonly name: string; readonly help: string }[];
  /** The last positional is a command: everything behind it is left to the parser of that. */
  readonly hasCommands?: boolean;
}

export interface ParsedArguments {
  /** By the long form of the option: its value, or true. */
  readonly options: ReadonlyMap<string, string | true>;
  readonly positionals: readonly string[];
  /** What nobody knows. */
  readonly unknown: readonly string[];
  /** What follows the command. */
  readonly rest: readonly string[];
}

/** A command line that makes no sense, and the parser whose usage explains it. */
export class ArgumentError extends Error {
  readonly spec: ParserSpec;

  constructor(spec: ParserSpec, message: string) {
    super(message);
    this.spec = spec;
  }
}

/** @throws {ArgumentError} */
export function parseArguments(spec: ParserSpec, args: readonly string[]): ParsedArguments {
  const options = new Map<string, string | true>();
  const positionals: string[] = [];
  const unknown: string[] = [];
  let rest: readonly string[] = [];
  const pending = [...args];
  let onlyPositionals = false;
  while (pending.length > 0) {
    const arg = pending.shift()!;
    if (!onlyPositionals && arg === '--') onlyPositionals = true;
    else if (onlyPositionals || !looksLikeOption(arg)) {
      if (positionals.length < spec.positionals.length) positionals.push(arg);
      else unknown.push(arg);
      if (spec.hasCommands === true && positionals.length === spec.positionals.length) {
        rest = pending.splice(0);
      }
    } else if (!takeOption(spec, arg, pending, options)) unknown.push(arg);
  }
  return { options, positionals, unknown, rest };
}

/** @throws {ArgumentError} if a positional argument is missing. Called when help is not wanted. */
export function assertComplete(spec: ParserSpec, { positionals }: ParsedArguments): void {
  const missing = spec.positionals.slice(positionals.length).map(({ name }) => name);
  if (missing.length === 0) return;
  const problem = `the following arguments are required: ${missing.join(', ')}`;
  throw new ArgumentError(spec, problem);
}

/** `-` alone is standard input; what holds a blank is a name that happens to start with a dash. */
function looksLikeOption(arg: string): boolean {
  return arg.startsWith('-') && arg !== '-' && !arg.includes(' ');
}

/** @returns false for an option that nobody knows. */
function takeOption(
  spec: ParserSpec,
  arg: string,
  pending: string[],
  options: Map<string, string | true>,
): boolean {
  if (arg.startsWith('--')) {
    const equals = arg.indexOf('=');
    const name = equals === -1 ? arg : arg.slice(0, equals);
    const option = findLong(spec, name);
    if (option === undefined) return false;
    setOption(spec, option, equals === -1 ? undefined : arg.slice(equals + 1), pending, options);
    return true;
  }
  const option = spec.options.find(({ short }) => short === arg.slice(0, 2));
  if (option === undefined) return false;
  const attached = arg.slice(2);
  if (option.value !== undefined || attached === '') {
    const value = attached === '' ? undefined : attached.replace(/^=/, '');
    setOption(spec, option, value, pending, options);
    return true;
  }
  // Letters written together: the first is done, the rest is an option of its own.
  setOption(spec, option, undefined, pending, options);
  if (takeOption(spec, `-${attached}`, pending, options)) return true;
  throw fault(spec, option, `ignored explicit argument '${attached}'`);
}

function findLong(spec: ParserSpec, name: string): OptionSpec | undefined {
  const exact = spec.options.find(({ long }) => long === name);
  if (exact !== undefined) return exact;
  const candidates = spec.options.filter(({ long }) => long.startsWith(name));
  if (candidates.length < 2) return candidates[0];
  const names = candidates.map(({ long }) => long).join(', ');
  throw new ArgumentError(spec, `ambiguous option: ${name} could match ${names}`);
}

function setOption(
  spec: ParserSpec,
  option: OptionSpec,
  attached: string | undefined,
  pending: string[],
  options: Map<string, string | true>,
): void {
  if (option.value === undefined) {
    if (attached !== undefined)
      throw fault(spec, option, `ignored explicit argument '${attached}'`);
    options.set(option.long, true);
    return;
  }
  const next = pending[0];
  const hasNext = next !== undefined && next !== '--' && !looksLikeOption(next);
  if (attached === undefined && !hasNext) throw fault(spec, option, 'expected one argument');
  options.set(option.long, attached ?? pending.shift()!);
}

function fault(spec: ParserSpec, { long, short }: OptionSpec, problem: string): ArgumentError {
  const name = short === undefined ? long : `${short}/${long}`;
  return new ArgumentError(spec, `argument ${name}: ${problem}`);
}
