/** The only printer of the program. Everything from outside is escaped on its way through here. */
import type { Finding } from '../../errors/finding.ts';
import { escapeMessage } from './escape-text.ts';

export interface Verbosity {
  readonly quiet: boolean;
  readonly debug: boolean;
}

/** What stands before each line. */
export type Voice = Readonly<Record<'info' | 'debug' | 'warning' | 'error', string>>;

const COLORS = { warning: '\u001b[33m', error: '\u001b[31m', reset: '\u001b[0m' };

export class Terminal {
  readonly #verbosity: Verbosity;
  readonly #voice: Voice;

  constructor(verbosity: Verbosity, voice: Voice = ownVoice()) {
    this.#verbosity = verbosity;
    this.#voice = voice;
  }

  /** Whether a progress line may be drawn. */
  get isInteractive(): boolean {
    return process.stderr.isTTY && !this.#verbosity.quiet && !this.#verbosity.debug;
  }

  get isQuiet(): boolean {
    return this.#verbosity.quiet;
  }

  get columns(): number {
    return process.stderr.columns ?? 80;
  }

  /** How wide result data may be: 80 where it does not go to a terminal. */
  get outputColumns(): number {
    return process.stdout.columns ?? 80;
  }

  /** Whether result data may be coloured. */
  get colorsOutput(): boolean {
    const isTerminal = process.stdout.isTTY && process.env['TERM'] !== 'dumb';
    return isTerminal && (process.env['NO_COLOR'] ?? '') === '';
  }

  /** Result data, untouched. Resolves when it has left the process. */
  async writeOut(data: string | Uint8Array): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      process.stdout.write(data, (error) => (error ? reject(error) : resolve()));
    });
  }

  info(line: string): void {
    if (!this.#verbosity.quiet) this.#writeLine('info', line);
  }

  debug(line: string): void {
    if (this.#verbosity.debug) this.#writeLine('debug', line);
  }

  warning(line: string): void {
    this.#writeLine('warning', line);
  }

  error(line: string): void {
    this.#writeLine('error', line);
  }

  finding({ level, code, text }: Finding): void {
    const line = `${code}: ${text}`;
    if (level === 'error') this.error(line);
    else if (level === 'warning') this.warning(line);
    else this.info(line);
  }

  /** Replaces the progress line; the empty text removes it. */
  progress(text: string): void {
    process.stderr.write(`\r\u001b[K${text}`);
  }

  #writeLine(level: keyof Voice, line: string): void {
    process.stderr.write(`${this.#voice[level]}${escapeMessage(line)}\n`);
  }
}

function ownVoice(): Voice {
  const useColor = process.stderr.isTTY && (process.env['NO_COLOR'] ?? '') === '';
  const paint = (color: 'warning' | 'error', word: string): string =>
    useColor ? `${COLORS[color]}${word}${COLORS.reset}` : word;
  return {
    info: '',
    debug: '',
    warning: paint('warning', 'WARNING '),
    error: paint('error', 'ERROR '),
  };
}
