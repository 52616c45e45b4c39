import type { Requirement as Told } from "@drover/shared/api/explanations";
import { nearest } from "@drover/shared/nearest";

import { matchCluster } from "../cluster-selector.ts";
import type { Placement } from "../placement.ts";
import { formatRequirement, holds, matchAll, requirementsOf, type Requirement } from "../selector.ts";
import type { PlaceOf } from "./places.ts";
import { labelSource, type TargetInput } from "./target.ts";

/** What a placement asks of a cluster, part by part, in the order in which it is looked at. */
export function requirementsOn(
  { clusters: wanted, tolerateCordon }: Placement,
  target: TargetInput,
  placeOf: PlaceOf,
): readonly Told[] {
  const { cluster, running } = target;
  const { exclude, names, selector, expression } = wanted;
  const told: Told[] = [];
  if (exclude.includes(cluster.name)) told.push(nameTold(`not ${cluster.name}`, false, cluster.name));
  if (names !== undefined) {
    const isNamed = names.includes(cluster.name);
    const near = isNamed ? undefined : nearest(cluster.name, names);
    told.push({ ...nameTold(`name in (${names.join(",")})`, isNamed, cluster.name), ...meant(near) });
  }
  told.push(...requirementsOf(selector).map((requirement) => labelTold(requirement, target, placeOf)));
  if (expression !== undefined) {
    const alone = { ...wanted, exclude: [], names: undefined, selector: matchAll };
    const { matched, reason } = matchCluster(alone, cluster);
    told.push(nameTold(expression.source, matched, matched ? "" : reason));
  }
  if (cluster.cordoned !== "" && !tolerateCordon) {
    told.push(nameTold("not cordoned, or running it already", running.has(cluster.name), cluster.cordoned));
  }
  return told;
}

function nameTold(text: string, isMet: boolean, has: string): Told {
  return { text, holds: isMet, has, kind: "none", repository: "" };
}

function labelTold(requirement: Requirement, target: TargetInput, placeOf: PlaceOf): Told {
  const { labels } = target.cluster;
  const { key } = requirement;
  const isMet = holds(requirement, labels);
  const source = labelSource(key, target, placeOf);
  return {
    text: formatRequirement(requirement),
    holds: isMet,
    has: source === undefined ? "" : `${key}=${labels[key] ?? ""}`,
    ...(source ?? { kind: "none", repository: "" }),
    ...(isMet ? {} : meant(nearMiss(requirement, labels))),
  };
}

/** The value that the cluster was probably meant to have, or the label that it has under another name. */
function nearMiss(
  { key, operator, values }: Requirement,
  labels: Readonly<Record<string, string>>,
): string | undefined {
  if (operator === "NotIn" || operator === "DoesNotExist") return undefined;
  if (Object.hasOwn(labels, key)) {
    const value = nearest(labels[key] ?? "", values);
    return value === undefined ? undefined : `${key}=${value}`;
  }
  const label = nearest(key, Object.keys(labels).toSorted());
  return label === undefined ? undefined : `${label}=${labels[label] ?? ""}`;
}

function meant(near: string | undefined): Pick<Told, "hint"> {
  return near === undefined ? {} : { hint: `did you mean ${near}?` };
}
