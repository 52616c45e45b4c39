import type { TargetRecord } from "../core/target.ts";
import type { ObservedRecord } from "./store.ts";

/** Of larger applications there are not many, and comparing what is said of them takes long. */
const maxSharedObjects = 100;

/**
 * Keeps one of equal values: what hundreds of clusters say or are assigned is mostly the same, and would be in memory as
 * often as there are clusters. Holds no more text than it may, and then begins anew, which costs memory and nothing else.
 */
export class SharedValues {
  readonly #known = new Map<string, unknown>();
  readonly #maxLength: number;
  #length = 0;

  /** `maxLength`: of the JSON of all values, in code units. */
  constructor(maxLength = 8 * 1024 * 1024) {
    this.#maxLength = maxLength;
  }

  /** With the parts that other clusters have, too. */
  target(target: TargetRecord): TargetRecord {
    return { ...target, sync: this.of(target.sync), declaredIn: this.of(target.declaredIn) };
  }

  /** With the objects that other clusters report, too. */
  observed(record: ObservedRecord): ObservedRecord {
    const { report } = record;
    if (report === undefined || report.objects.length > maxSharedObjects) return record;
    return { ...record, report: { ...report, objects: this.of(report.objects) } };
  }

  /** The first value that was the same JSON; never to be changed in place, as nothing is that a store holds. */
  of<T>(value: T): T {
    // Records of earlier versions lack some.
    if (value === undefined) return value;
    const key = JSON.stringify(value);
    // Only this class writes, and under its own JSON.
    const known = this.#known.get(key) as T | undefined;
    if (known !== undefined) return known;
    if (this.#length + key.length > this.#maxLength) {
      this.#known.clear();
      this.#length = 0;
    }
    this.#known.set(key, value);
    this.#length += key.length;
    return value;
  }
}
