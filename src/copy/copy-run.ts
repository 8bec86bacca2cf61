/** What all stages of one copy share. */
import type { Stats } from 'node:fs';

import type { OnEvent } from './copy-events.ts';
import type { CopyOptions } from './copy-options.ts';
import type { CopyPlan } from './copy-plan.ts';
import type { LoadedMap } from './load-map.ts';
import type { ImageSource } from './source/image-source.ts';

export interface CopyRun {
  readonly options: CopyOptions;
  readonly source: ImageSource;
  /** Of standard input, if the image comes from there; it may be closed by now. */
  readonly stdinStats: Stats | undefined;
  readonly reopenSource: (() => Promise<ImageSource>) | undefined;
  /** @throws {SystemError} if the source is not what it was. */
  readonly assertUnchanged: () => void;
  readonly map: LoadedMap | undefined;
  readonly plan: CopyPlan;
  readonly onEvent: OnEvent;
  readonly signal: AbortSignal;
}
