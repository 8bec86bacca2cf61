/** What the bmaptool command line has: options, arguments, help. */
import type { OptionSpec, ParserSpec } from './parse-arguments.ts';

const HELP: OptionSpec = { long: '--help', short: '-h', help: 'show this help and exit' };

export const PROGRAM: ParserSpec = {
  program: 'bmaptool',
  options: [
    HELP,
    { long: '--version', help: 'show the version and exit' },
    { long: '--quiet', short: '-q', help: 'print only warnings and errors' },
    { long: '--debug', short: '-d', help: 'print details' },
  ],
  positionals: [{ name: 'command', help: 'create or copy' }],
  hasCommands: true,
};

export const CREATE: ParserSpec = {
  program: 'bmaptool create',
  options: [
    HELP,
    { long: '--output', short: '-o', value: 'OUTPUT', help: 'file for the bmap; else stdout' },
    { long: '--no-checksum', help: 'leave out the checksums of block ranges' },
  ],
  positionals: [{ name: 'image', help: 'sparse image file' }],
};

export const COPY: ParserSpec = {
  program: 'bmaptool copy',
  options: [
    HELP,
    { long: '--bmap', value: 'BMAP', help: 'the block map of the image' },
    { long: '--nobmap', help: 'copy without a block map' },
    { long: '--bmap-sig', value: 'BMAP_SIG', help: 'detached signature of the block map' },
    { long: '--no-sig-verify', help: 'do not verify the signature of the block map' },
    { long: '--keyring', value: 'KEYRING', help: 'verify with the keys in this file' },
    { long: '--fingerprint', value: 'FINGERPRINT', help: 'the key that must have signed' },
    { long: '--no-verify', help: 'do not compare the checksums of the image' },
    { long: '--psplash-pipe', value: 'PSPLASH_PIPE', help: 'report progress to this pipe' },
    { long: '--removable-device', help: 'refuse devices that are not removable' },
  ],
  positionals: [
    { name: 'image', help: 'image: file, address, or - for standard input; may be compressed' },
    { name: 'dest', help: 'device or file to write to' },
  ],
};

export const COMMANDS: ReadonlyMap<string, ParserSpec> = new Map([
  ['create', CREATE],
  ['copy', COPY],
]);

/** One line: `usage: bmaptool create [-h] [-o OUTPUT] [--no-checksum] image`. */
export function formatUsage({ program, options, positionals, hasCommands }: ParserSpec): string {
  const words = options.map(({ long, short, value }) => {
    const name = short ?? long;
    return value === undefined ? `[${name}]` : `[${name} ${value}]`;
  });
  const last =
    hasCommands === true
      ? [`{${[...COMMANDS.keys()].join(',')}} ...`]
      : positionals.map(({ name }) => name);
  return `usage: ${[program, ...words, ...last].join(' ')}\n`;
}

export function formatHelp(spec: ParserSpec): string {
  const rows = [
    ...spec.positionals.map(({ name, help }) => [name, help] as const),
    ...spec.options.map(({ long, short, value, help }) => {
      const names = short === undefined ? long : `${short}, ${long}`;
      return [value === undefined ? names : `${names} ${value}`, help] as const;
    }),
  ];
  const lines = rows.map(([name, help]) => `  ${name.padEnd(28)} ${help}`);
  return `${formatUsage(spec)}\n${lines.join('\n')}\n`;
}
