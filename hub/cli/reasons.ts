import type { OverrideReason, PlacementReason, WhyResult } from "@drover/shared/api/explanations";
import { shortRevision } from "@drover/shared/api/revision";

import { joinReason } from "./columns.ts";
import { formatGiver, formatPlace } from "./explaining.ts";
import { paintState, signOf } from "./signs.ts";
import type { Style } from "./terminal.ts";
import { plain } from "./text.ts";

/** Why a target runs where it does: the placements that select it, and what their overrides do. */
export function formatWhy(
  { app, cluster, placements, overrides, target, waiting }: WhyResult,
  style: Style,
): readonly string[] {
  const title = style.paint("bold", plain(`${app} runs on ${cluster}`));
  return [
    `${sign(true, style)} ${title}`,
    ...(target === undefined ? [] : [formatState(target, style)]),
    ...(waiting === undefined ? [] : [`  ${signOf("pending", style)} ${plain(`it waits: ${waiting}`)}`]),
    ...placements.filter(({ selected }) => selected).flatMap((placement) => formatPlacement(placement, style)),
    ...overrides.flatMap((override) => formatOverride(override, style)),
  ];
}

/** Why it does not: what each placement misses. */
export function formatWhyNot({ app, cluster, placements }: WhyResult, style: Style): readonly string[] {
  const none = placements.length === 0 ? ": no placement names it" : "";
  return [
    `${sign(false, style)} ${style.paint("bold", plain(`${app} does not run on ${cluster}`))}${none}`,
    ...placements.flatMap((placement) => formatPlacement(placement, style)),
  ];
}

function formatState(target: NonNullable<WhyResult["target"]>, style: Style): string {
  const { state, revision, bundle } = target;
  const reason = joinReason(target.reason, target.message);
  const at = `at ${shortRevision(revision)}, bundle ${bundle.replace("sha256:", "").slice(0, 12)}`;
  const told = plain(`${at}${reason === "" ? "" : `: ${reason}`}`);
  return `  ${signOf(state, style)} ${paintState(state, state, style)} ${told}`;
}

function sign(isGood: boolean, style: Style): string {
  return signOf(isGood ? "current" : "failed", style);
}

function formatPlacement(placement: PlacementReason, style: Style): readonly string[] {
  const { requirements, instead, selected, reason } = placement;
  const lines = requirements.map(({ text, holds, has, hint, ...given }) => {
    const parts = [
      has === "" || has === text ? "" : `has ${has}`,
      formatGiver(given),
      hint === undefined ? "" : `(${hint})`,
    ];
    return `    ${sign(holds, style)} ${plain([text, ...parts.filter((part) => part !== "")].join("  "))}`;
  });
  const others = instead.length === 0 ? [] : [`    it took ${plain(instead.join(", "))}`];
  return [`  ${sign(selected, style)} ${plain(`${reason}  ${formatPlace(placement)}`)}`, ...lines, ...others];
}

function formatOverride(override: OverrideReason, style: Style): readonly string[] {
  const { holds, reason, sets } = override;
  const parts = sets.map(({ part, objects, fields }) => {
    // Values and variables are of no object before a chart or a text uses them.
    const where = objects === 0 && fields > 0 ? "" : ` in ${count(objects, "object")}`;
    return `    ${plain(`${part}  ${count(fields, "field")}${where}`)}`;
  });
  return [`  ${sign(holds, style)} ${plain(`override ${reason}  ${formatPlace(override)}`)}`, ...parts];
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}
