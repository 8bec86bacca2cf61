import type { CommandFacts } from '../command-facts.ts';

/**
 * A script that completes the command lines of `program`, which has these commands. It holds all it
 * needs: starting a program at every key would be slow.
 */
export type FormatCompletion = (program: CommandFacts, commands: readonly CommandFacts[]) => string;
