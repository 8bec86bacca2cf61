import { formatHumanSize } from '../../bmap/human-size.ts';
import type { Terminal } from './terminal.ts';

const REDRAW_MS = 100;
const BAR_WIDTH = 24;

/** A line on the terminal that follows a job of known length; silent where there is no terminal. */
export class ProgressBar {
  readonly #terminal: Terminal;
  readonly #title: string;
  readonly #startedMs = performance.now();
  #drawnMs = -Infinity;

  constructor(terminal: Terminal, title: string) {
    this.#terminal = terminal;
    this.#title = title;
  }

  /** A callback that may be called as often as the job likes. */
  readonly update = (bytesDone: number, bytesTotal: number): void => {
    const nowMs = performance.now();
    if (!this.#terminal.isInteractive || nowMs - this.#drawnMs < REDRAW_MS) return;
    this.#drawnMs = nowMs;
    const seconds = (nowMs - this.#startedMs) / 1000;
    const line = formatProgress(this.#title, bytesDone, bytesTotal, seconds);
    this.#terminal.progress(line.slice(0, this.#terminal.columns - 1));
  };

  /** Removes the line. */
  finish(): void {
    if (this.#terminal.isInteractive) this.#terminal.progress('');
  }
}

/** `hashing [######----]  25%  1.2 GiB of 4.8 GiB  1.7 GiB/s  0:02 left` */
export function formatProgress(
  title: string,
  bytesDone: number,
  bytesTotal: number,
  seconds: number,
): string {
  const share = bytesTotal === 0 ? 1 : bytesDone / bytesTotal;
  const filled = Math.round(share * BAR_WIDTH);
  const bar = '#'.repeat(filled) + '-'.repeat(BAR_WIDTH - filled);
  const percent = `${Math.floor(share * 100)}%`.padStart(4);
  const bytesPerSecond = seconds > 0 ? bytesDone / seconds : 0;
  const speed = `${formatHumanSize(Math.round(bytesPerSecond))}/s`;
  const left = bytesPerSecond > 0 ? (bytesTotal - bytesDone) / bytesPerSecond : 0;
  const sizes = `${formatHumanSize(bytesDone)} of ${formatHumanSize(bytesTotal)}`;
  return `${title} [${bar}] ${percent}  ${sizes}  ${speed}  ${formatSeconds(left)} left`;
}

function formatSeconds(seconds: number): string {
  const whole = Math.ceil(seconds);
  return `${Math.floor(whole / 60)}:${`${whole % 60}`.padStart(2, '0')}`;
}
