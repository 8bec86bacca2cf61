/** The only printer of the program. Everything from outside is escaped on its way through here. */
import type { Finding } from '../errors/finding.ts';
import { escapeMessage } from './escape-text.ts';

export interface Verbosity {
  readonly quiet: boolean;
  readonly debug: boolean;
}

const COLORS = { warning: '\u001b[33m', error: '\u001b[31m', reset: '\u001b[0m' };

export class Terminal {
  readonly #verbosity: Verbosity;
  readonly #useColor: boolean;

  constructor(verbosity: Verbosity) {
    this.#verbosity = verbosity;
    this.#useColor = process.stderr.isTTY && (process.env['NO_COLOR'] ?? '') === '';
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

  /** Result data, untouched. Resolves when it has left the process. */
  async writeOut(data: string | Uint8Array): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      process.stdout.write(data, (error) => (error ? reject(error) : resolve()));
    });
  }

  info(line: string): void {
    if (!this.#verbosity.quiet) this.#writeLine(line);
  }

  debug(line: string): void {
    if (this.#verbosity.debug) this.#writeLine(line);
  }

  warning(line: string): void {
    this.#writeLine(line, this.#paint('warning', 'WARNING '));
  }

  error(line: string): void {
    this.#writeLine(line, this.#paint('error', 'ERROR '));
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

  #writeLine(line: string, prefix = ''): void {
    process.stderr.write(`${prefix}${escapeMessage(line)}\n`);
  }

  #paint(color: 'warning' | 'error', word: string): string {
    return this.#useColor ? `${COLORS[color]}${word}${COLORS.reset}` : word;
  }
}
