import type { CommandFacts, OptionFacts, ValueFacts } from '../command-facts.ts';
import type { FormatCompletion } from './format-completion.ts';

/** Fish completes file names wherever no rule says otherwise, so paths need none. */
export const formatFishCompletion: FormatCompletion = (program, commands) => {
  const takers = commands.flatMap(({ name, options }) =>
    options
      .filter(({ value }) => value !== undefined)
      .flatMap(({ names }) => names.map((option) => quote(`${name} ${option}`))),
  );
  const rules = [
    ...program.options.map((option) => formatOption('', option)),
    ...commands.map(({ name, summary }) => `${rule('', 0, `-f -a ${name}`)} -d ${quote(summary)}`),
    ...commands.flatMap(formatCommand),
  ];
  return `# fish completion for bmap, made by "bmap completion fish"

set -g __bmap_options_with_values ${takers.join(' ')}

# True if this is the command that was typed, '' for none yet, and if so many arguments follow it.
function __bmap_at -a command count
    set -l words (commandline -opc)
    set -e words[1]
    set -l arguments
    set -l option
    for word in $words
        if test -n "$option"
            set option
        else if string match -q -- '-?*' $word
            contains -- "$arguments[1] $word" $__bmap_options_with_values
            and set option $word
        else
            set -a arguments $word
        end
    end
    test "$arguments[1]" = "$command"
    or return
    set -e arguments[1]
    test -z "$count" -o "$count" = (count $arguments)
end

${rules.join('\n')}
`;
};

function formatCommand({ name, options, arguments: values }: CommandFacts): readonly string[] {
  return [
    ...options.map((option) => formatOption(name, option)),
    ...values.flatMap(({ kind, choices }, index) =>
      kind === 'path' ? [] : [rule(name, index, `-f -a ${quote(choices.join(' '))}`)],
    ),
    rule(name, values.length, '-f'),
  ];
}

function formatOption(command: string, { names, value, summary }: OptionFacts): string {
  const flags = names.map((name) =>
    name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`,
  );
  const what = `${flags.join(' ')}${formatValue(value)}`;
  return `${rule(command, undefined, what)} -d ${quote(summary)}`;
}

function formatValue(value: ValueFacts | undefined): string {
  if (value === undefined) return '';
  if (value.kind === 'path') return ' -r -F';
  return value.kind === 'choice' ? ` -x -a ${quote(value.choices.join(' '))}` : ' -x';
}

/** @param count of arguments that stand before; undefined for any. */
function rule(command: string, count: number | undefined, what: string): string {
  const place = `__bmap_at ${command === '' ? '""' : command} ${count ?? ''}`.trim();
  return `complete -c bmap -n ${quote(place)} ${what}`;
}

/** For the shell. Inside of single quotes fish knows two escapes. */
function quote(text: string): string {
  return `'${text.replaceAll(/['\\]/g, '\\$&')}'`;
}
