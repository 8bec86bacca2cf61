/** What a shell offers for a command line, by its own completion and the script for it. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';

import { run, type RunOptions } from './run.ts';

export interface CompletionRequest {
  /** The line up to the cursor. */
  readonly line: string;
  /** The completion script. */
  readonly script: string;
  /** Where the shell is, and where it looks first for programs. */
  readonly folder: string;
}

/** The candidates, sorted. */
export type Complete = (request: CompletionRequest) => readonly string[];

/** Takes the line apart as readline does, and stands in for it where it would complete file names. */
export const completeInBash: Complete = ({ line, script, folder }) => {
  const words = line.split(/ +|(?==|:)|(?<==|:)/);
  const driver = `
source ./bmap.bash
compopt() { [[ $* == '-o default' ]] && mapfile -t files < <(compgen -f -- "$current"); }
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) files=()
_bmap
printf '%s\\n' "\${COMPREPLY[@]}" "\${files[@]}"`;
  writeFileSync(path.join(folder, 'bmap.bash'), script);
  return sortLines(run('bash', ['--norc', '-c', driver, 'bash', ...words], place(folder)));
};

/** Presses the key in a terminal of its own, and writes down what the completion hands over. */
export const completeInZsh: Complete = ({ line, script, folder }) => {
  const driver = `
zmodload zsh/zpty
zpty child zsh -f -i
zpty -w child 'PROMPT=; autoload -Uz compinit; compinit -u -d ./dump; source ./bmap.zsh; source ./watch.zsh; print READY'
zpty -r child REPLY $'*READY\\r*' || exit 3
zpty -w -n child "$1"$'\\t'
zpty -r child REPLY '*DONE*' || exit 4
zpty -d child`;
  // Those with -O, -A or -D only ask what would match.
  const watch = `
compadd() {
  local -a found
  if [[ \${@[1,(i)(-|--)]} != *-(O|A|D)\\ * ]]; then
    builtin compadd -A found "$@"
    (( $#found )) && print -rl -- $found >> ./offers
  fi
  builtin compadd "$@"
}
press() { : > ./offers; zle complete-word; print DONE }
zle -N press
bindkey '^I' press`;
  writeFileSync(path.join(folder, 'bmap.zsh'), script);
  writeFileSync(path.join(folder, 'watch.zsh'), watch);
  run('zsh', ['-f', '-c', driver, 'zsh', line], place(folder));
  return sortLines(run('cat', ['offers'], { cwd: folder }));
};

export const completeInFish: Complete = ({ line, script, folder }) => {
  writeFileSync(path.join(folder, 'bmap.fish'), script);
  const driver = 'source ./bmap.fish; complete -C $argv[1]';
  const answer = run('fish', ['--no-config', '-c', driver, line], place(folder));
  const withoutTexts = answer.replaceAll(/\t.*/g, '');
  return sortLines(withoutTexts);
};

function place(folder: string): RunOptions {
  return { cwd: folder, env: { HOME: folder, PATH: `${folder}:${process.env['PATH'] ?? ''}` } };
}

function sortLines(text: string): readonly string[] {
  return [...new Set(text.split('\n').filter((word) => word !== ''))].toSorted();
}
