import { expect, it } from "vitest";

import { aheadOf } from "./recovery.ts";

const era = { epoch: "now", confirmed: false };

it.each([
  ["a new agent", { epoch: "", generation: 0 }, era, false],
  ["an agent that is as far", { epoch: "now", generation: 7 }, era, false],
  ["an agent that is behind", { epoch: "now", generation: 6 }, era, false],
  ["R33: an agent that is further, whose hub was put back", { epoch: "now", generation: 8 }, era, true],
  ["R33: that, in a confirmed epoch", { epoch: "now", generation: 8 }, { ...era, confirmed: true }, true],
  ["E68, E69: an agent of an epoch before a restore or a loss", { epoch: "before", generation: 1 }, era, true],
  ["that, once a person has confirmed", { epoch: "before", generation: 99 }, { ...era, confirmed: true }, false],
])("%s", (_name, hello, known, isAhead) => {
  expect(aheadOf(hello, known, 7) !== "").toBe(isAhead);
});
