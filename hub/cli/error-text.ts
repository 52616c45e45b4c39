import type { DroverError } from "@drover/shared/errors";
import { formatPosition } from "@drover/shared/errors";

import type { Style } from "./terminal.ts";
import { plain } from "./text.ts";

/** An error as every command shows it: what, where, what to do, and where the hub's log has more. */
export function formatError(error: DroverError, style: Style): string {
  const lines = [`${style.paint("red", `error[${error.code}]`)}: ${plain(error.message)}`];
  if (error.at !== undefined) lines.push(`  at ${plain(formatPosition(error.at))}`);
  if (error.hint !== undefined) lines.push(`  hint: ${plain(error.hint)}`);
  if (error.trace !== undefined) lines.push(`  trace: ${plain(error.trace)}`);
  return `${lines.join("\n")}\n`;
}
