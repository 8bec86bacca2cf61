/** Arguments and options that several commands have, in the same words everywhere. */
import { Argument, Option } from 'commander';

import { collectNumber, collectRange } from '../parse-options.ts';

/** What `openImageArgument` takes. */
export function imageArgument(): Argument {
  const text =
    'disk image or block device: a path, an address, or - for standard input; packed or not';
  return new Argument('<image>', text);
}

/** What `readMap` takes. */
export function bmapArgument(): Argument {
  const text = 'block map: a path, an address, or - for standard input; compressed or not';
  return new Argument('<bmap>', text);
}

export function memberOption(): Option {
  return new Option('--member <name>', 'take this member of an archive that holds several images');
}

export function gapsOption(): Option {
  const text = 'what to map of stretches above 64 MiB that no partition covers: all, or only data';
  return new Option('--gaps <policy>', text).choices(['keep', 'data']).default('keep');
}

/** @param verb what happens to the range, for example `map`. */
export function keepOption(verb: string): Option {
  const text = `${verb} this range, in bytes or with K, M, G or T (powers of 1024); the end is exclusive`;
  return new Option('--keep <start-end>', text).argParser(collectRange).default([]);
}

/** @param verb what happens to the partition, for example `map`. */
export function keepPartitionOption(verb: string): Option {
  const text = `${verb} this partition, by its number in the partition table`;
  return new Option('--keep-partition <number>', text).argParser(collectNumber).default([]);
}

export function crossCheckOption(): Option {
  const text = 'ask e2fsprogs and fatfs as well, and keep what either calls used';
  return new Option('--cross-check', text);
}
