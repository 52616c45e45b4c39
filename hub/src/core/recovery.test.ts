import { digestOf } from "@drover/shared/digest";
import { expect, it } from "vitest";

import { aheadOf } from "./recovery.ts";

const [a, b, c] = [digestOf("a"), digestOf("b"), digestOf("c")];
const told = { generation: 7, history: [c, b, a] };
const at = (generation: number) => ({ epoch: "now", generation });
const era = { epoch: "now", confirmed: false };

it.each([
  ["T30, R15, E70: an agent that has this generation by another hub", { ...at(7), accepted: b }, era, true],
  ["T30, R15, E70: an agent that has an earlier generation by another hub", { ...at(6), accepted: c }, era, true],
  ["an agent that has what this hub assigned", { ...at(6), accepted: b }, era, false],
  ["an agent that is further behind than the history goes", { ...at(2), accepted: b }, era, false],
  ["an agent of an earlier version", at(7), era, false],
  ["a new agent", { epoch: "", generation: 0 }, era, false],
  ["an agent that is as far", { epoch: "now", generation: 7 }, era, false],
  ["an agent that is behind", { epoch: "now", generation: 6 }, era, false],
  ["R33: an agent that is further, whose hub was put back", { epoch: "now", generation: 8 }, era, true],
  ["R33: that, in a confirmed epoch", { epoch: "now", generation: 8 }, { ...era, confirmed: true }, true],
  ["E68, E69: an agent of an epoch before a restore or a loss", { epoch: "before", generation: 1 }, era, true],
  ["that, once a person has confirmed", { epoch: "before", generation: 99 }, { ...era, confirmed: true }, false],
])("%s", (_name, hello, known, isAhead) => {
  expect(aheadOf(hello, known, told) !== "").toBe(isAhead);
});
