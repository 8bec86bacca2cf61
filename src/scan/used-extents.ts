import type { ExtentKind, Volume } from '../fs-probes/fs-probe.ts';
import { RangeSet, RangeSetBuilder } from '../ranges/range-set.ts';

/** Collects what a probe reports as used, by kind, in positions of the image. */
export class UsedExtents {
  readonly #builders = new Map<ExtentKind, RangeSetBuilder>();

  /** @throws {RangeError} for a range outside of the volume: the probe's mistake. */
  add(volume: Volume, kind: ExtentKind, startByte: number, endByte: number): void {
    if (!(startByte >= 0 && startByte <= endByte && endByte <= volume.reader.sizeBytes)) {
      throw new RangeError(
        `${volume.name}: ${kind} extent ${startByte} to ${endByte} lies outside of ${volume.reader.sizeBytes} bytes`,
      );
    }
    let builder = this.#builders.get(kind);
    if (builder === undefined) this.#builders.set(kind, (builder = new RangeSetBuilder()));
    builder.add(volume.startByte + startByte, volume.startByte + endByte);
  }

  byKind(): ReadonlyMap<ExtentKind, RangeSet> {
    return new Map([...this.#builders].map(([kind, builder]) => [kind, builder.build()]));
  }
}

/** The union of all kinds. */
export function allOf(used: ReadonlyMap<ExtentKind, RangeSet>): RangeSet {
  const builder = new RangeSetBuilder();
  for (const set of used.values()) builder.addAll(set);
  return builder.build();
}
