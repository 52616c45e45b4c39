import type { TargetState } from "@drover/shared/state";

import type { Colour, Style } from "./terminal.ts";

interface Sign {
  readonly unicode: string;
  readonly ascii: string;
  readonly colour: Colour;
}

/** Every state has a sign, a colour and its word, so that no one of them has to be seen. */
const signs: Readonly<Record<TargetState, Sign>> = {
  failed: { unicode: "✗", ascii: "x", colour: "red" },
  degraded: { unicode: "!", ascii: "!", colour: "red" },
  offline: { unicode: "◌", ascii: "o", colour: "gray" },
  drifted: { unicode: "~", ascii: "~", colour: "yellow" },
  pending: { unicode: "⧖", ascii: ".", colour: "cyan" },
  progressing: { unicode: "◐", ascii: ">", colour: "cyan" },
  paused: { unicode: "‖", ascii: "=", colour: "magenta" },
  deleting: { unicode: "-", ascii: "-", colour: "magenta" },
  "no-targets": { unicode: "∅", ascii: "0", colour: "yellow" },
  current: { unicode: "✔", ascii: "+", colour: "green" },
};

export function signOf(state: TargetState, style: Style): string {
  const sign = signs[state];
  return style.paint(sign.colour, style.unicode ? sign.unicode : sign.ascii);
}

export function paintState(state: TargetState, text: string, style: Style): string {
  return style.paint(signs[state].colour, text);
}

/** Punctuation of tables and sentences, for terminals with and without Unicode. */
export function marks(style: Style) {
  return style.unicode
    ? { none: "–", ellipsis: "…", dot: " · ", arrow: "→", left: "←", branch: "├─ ", last: "└─ ", line: "│  " }
    : { none: "-", ellipsis: "...", dot: ", ", arrow: "->", left: "<-", branch: "|- ", last: "`- ", line: "|  " };
}
