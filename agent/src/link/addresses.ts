import { DroverError } from "@drover/shared/errors";

const maxAddresses = 8;

/** Where the hub may be: one address is used for as long as it answers, and then the next. */
export class HubAddresses {
  readonly #all: readonly string[];
  #index = 0;

  /** `host:port`, at least one of them. */
  constructor(...all: readonly string[]) {
    this.#all = all;
  }

  get current(): string {
    return this.#all[this.#index] ?? "";
  }

  get size(): number {
    return this.#all.length;
  }

  /** Goes on to the one after it; after the last comes the first. */
  next(): void {
    this.#index = (this.#index + 1) % this.#all.length;
  }

  /** Asks at one after the other until a hub answers, and be it with a refusal; throws what the last one said. */
  async ask<T>(question: (address: string) => Promise<T>): Promise<T> {
    for (let asked = 1; ; asked += 1) {
      try {
        return await question(this.current);
      } catch (cause) {
        if (asked >= this.size || !isAway(cause)) throw cause;
        this.next();
      }
    }
  }
}

/** Nobody answers there, or nobody that takes agents now. */
function isAway(reason: unknown): boolean {
  const { code } = DroverError.from(reason);
  return code === "link_closed" || code === "timeout";
}

/** Of the setting, comma-separated. */
export function parseHubAddresses(text: string): HubAddresses {
  const all = text
    .split(",")
    .map((one) => one.trim())
    .filter((one) => one !== "");
  if (all.length === 0 || all.length > maxAddresses)
    throw new Error(`give 1 to ${maxAddresses} addresses, host:port, comma-separated`);
  return new HubAddresses(...all);
}
