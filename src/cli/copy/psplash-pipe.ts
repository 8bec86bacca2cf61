/**
 * Tells a boot splash how far a copy is, through a named pipe. Nothing that goes wrong there may disturb
 * the copy: who does not read is not told.
 */
import { closeSync, constants, openSync, statSync, writeSync } from 'node:fs';

export class PsplashPipe {
  readonly #path: string;
  #fileDescriptor: number | undefined;
  #percent: number | undefined;

  private constructor(path: string) {
    this.#path = path;
  }

  /** @returns undefined if there is no pipe at `path`. */
  static open(path: string): PsplashPipe | undefined {
    const isPipe = statSync(path, { throwIfNoEntry: false })?.isFIFO() === true;
    return isPipe ? new PsplashPipe(path) : undefined;
  }

  update(bytesDone: number, bytesTotal: number): void {
    const percent = bytesTotal === 0 ? 100 : Math.floor((bytesDone * 100) / bytesTotal);
    if (percent === this.#percent) return;
    try {
      // Without waiting: there may be no reader yet.
      const flags = constants.O_WRONLY | constants.O_NONBLOCK;
      this.#fileDescriptor ??= openSync(this.#path, flags);
      writeSync(this.#fileDescriptor, `PROGRESS ${percent}\n`);
      this.#percent = percent;
    } catch {
      // No reader, a full pipe, a reader that is gone: the next percent may fare better.
      this.close();
    }
  }

  close(): void {
    if (this.#fileDescriptor !== undefined) closeSync(this.#fileDescriptor);
    this.#fileDescriptor = undefined;
  }
}
