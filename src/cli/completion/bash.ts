import type { CommandFacts, ValueFacts } from '../command-facts.ts';
import type { FormatCompletion } from './format-completion.ts';

/**
 * A place where a value stands: the name of the command, nothing for the program itself, and then the
 * option that wants the value, or the number of the argument.
 */
interface Slot extends ValueFacts {
  readonly places: readonly string[];
  readonly isOption: boolean;
}

export const formatBashCompletion: FormatCompletion = (program, commands) => {
  const named = [{ ...program, name: '' }, ...commands];
  const slots = named.flatMap(listSlots);
  const pathPlaces = slots.flatMap(({ kind, places }) => (kind === 'path' ? places : []));
  const optionPlaces = slots.flatMap(({ isOption, places }) => (isOption ? places : []));
  const words = [
    formatCase([' 0'], setWords(commands.map(({ name }) => name))),
    ...named.map(({ name, options }) =>
      formatCase([`${name} -`], setWords(options.flatMap(({ names }) => names))),
    ),
    ...slots
      .filter(({ kind }) => kind === 'choice')
      .map(({ places, choices }) => formatCase(places, setWords(choices))),
  ];
  return `# bash completion for bmap, made by "bmap completion bash"

_bmap() {
    local current=\${COMP_WORDS[COMP_CWORD]} command='' option='' rest='' words='' word before index
    local -i count=0
    COMPREPLY=()
    for ((index = 1; index < COMP_CWORD; index++)); do
        word=\${COMP_WORDS[index]} before=\${COMP_WORDS[index - 1]}
        if [[ -n $option ]]; then
            # Of --option=value, bash makes three words.
            [[ $word == '=' ]] || option=''
        elif [[ $word == ':' || $before == ':' ]]; then
            # An address, which bash takes apart as well.
            continue
        elif [[ -z $rest && $word == -- ]]; then
            rest=yes
        elif [[ -z $rest && $word == -?* ]]; then
            case "$command $word" in
${formatCase(optionPlaces, 'option=$word', 12)}
            esac
        elif [[ -z $command ]]; then
            command=$word
        else
            count+=1
        fi
    done
    [[ $current == '=' ]] && current=''
    if [[ -n $option ]]; then
        word=$option
    elif [[ -z $rest && $current == -* ]]; then
        word=-
    else
        word=$count
    fi
    case "$command $word" in
${formatCase(pathPlaces, 'compopt -o default')}
${words.join('\n')}
    esac
    while read -r word; do
        COMPREPLY+=("$word")
    done < <(compgen -W "$words" -- "$current")
} &&
    complete -F _bmap bmap
`;
};

function listSlots({ name, options, arguments: values }: CommandFacts): readonly Slot[] {
  return [
    ...options.flatMap(({ names, value }) =>
      value === undefined
        ? []
        : [{ ...value, places: names.map((option) => `${name} ${option}`), isOption: true }],
    ),
    ...values.map((value, index) => ({ ...value, places: [`${name} ${index}`], isOption: false })),
  ];
}

function setWords(words: readonly string[]): string {
  return `words='${words.join(' ')}'`;
}

function formatCase(places: readonly string[], action: string, indent = 4): string {
  const patterns = places.map((place) => `'${place}'`).join(' | ');
  return `${' '.repeat(indent)}${patterns}) ${action} ;;`;
}
