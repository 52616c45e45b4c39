import { existsSync, readFileSync } from "node:fs";

/**
 * Imported by a program before its own code: the process starts under a machine's clock that is off by as many ms as the
 * file beside its data folder says. It is JavaScript's time only: OpenSSL goes on asking the real clock.
 */
const dataDir = process.argv[process.argv.indexOf("--data-dir") + 1] ?? "";
const file = `${dataDir}.clock`;
const offMs = existsSync(file) ? Number(readFileSync(file, "utf8")) : 0;
const right = Date.now;

globalThis.Date = class extends Date {
  constructor(...given: readonly unknown[]) {
    super(...((given.length === 0 ? [right() + offMs] : given) as [number]));
  }

  static override now(): number {
    return right() + offMs;
  }
} as DateConstructor;
