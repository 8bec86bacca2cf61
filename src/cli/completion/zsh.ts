import type { CommandFacts, OptionFacts, ValueFacts } from '../command-facts.ts';
import type { FormatCompletion } from './format-completion.ts';

export const formatZshCompletion: FormatCompletion = (program, commands) => {
  const list = commands.map(({ name, summary }) => `        ${quote(`${name}:${summary}`)}`);
  const cases = commands.map(
    (command) => `            ${command.name})
${formatArguments(command, '                ')}
                ;;`,
  );
  return `#compdef bmap
# zsh completion for bmap, made by "bmap completion zsh"

_bmap() {
    local curcontext=$curcontext state
    local -a line commands
    typeset -A opt_args
    commands=(
${list.join('\n')}
    )
    _arguments -C -s -S \\
${program.options.map((option) => `        ${formatOption(option)} \\\n`).join('')}        '1:command:->command' \\
        '*::argument:->argument' && return
    case $state in
    command)
        _describe -t commands command commands
        ;;
    argument)
        curcontext="\${curcontext%:*:*}:bmap-$words[1]:"
        case $words[1] in
${cases.join('\n')}
        esac
        ;;
    esac
}

# Loaded by the completion system, this is the body of the function; read with source, it is not.
if [[ \${funcstack[1]} == _bmap ]]; then
    _bmap "$@"
else
    compdef _bmap bmap
fi
`;
};

function formatArguments(command: CommandFacts, indent: string): string {
  const specs = [
    ...command.options.map(formatOption),
    ...command.arguments.map((value, index) => quote(`${index + 1}:${formatValue(value)}`)),
  ];
  return `${indent}_arguments -s -S \\\n${specs.map((spec) => `${indent}    ${spec}`).join(' \\\n')}`;
}

/** `'(-o --output)'{-o+,--output=}'[write here]:file:_files'`; a repeatable one starts with a star. */
function formatOption({ names, value, isRepeatable, summary }: OptionFacts): string {
  const once = isRepeatable ? quote('*') : names.length > 1 ? quote(`(${names.join(' ')})`) : '';
  const forms = names.map((name) => {
    if (value === undefined) return name;
    return name.startsWith('--') ? `${name}=` : `${name}+`;
  });
  const typed = forms.length > 1 ? `{${forms.join(',')}}` : forms[0]!;
  const tail = value === undefined ? '' : `:${formatValue(value)}`;
  return `${once}${typed}${quote(`[${summary.replaceAll(/[[\]\\]/g, '\\$&')}]${tail}`)}`;
}

/** The message, and what completes the value: a space for nothing. */
function formatValue({ name, kind, choices }: ValueFacts): string {
  const actions = { path: '_files', choice: `(${choices.join(' ')})`, text: ' ' } as const;
  return `${name}:${actions[kind]}`;
}

/** For the shell. Inside of single quotes only the single quote has a meaning. */
function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
