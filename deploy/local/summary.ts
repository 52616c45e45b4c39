import { join, relative } from "node:path";

import type { Target } from "@drover/shared/api/types";

export interface Summary {
  /** The folders of the state and of the sample repository. */
  readonly state: string;
  readonly demo: string;
  readonly targets: readonly Target[];
  /** `4.2s`. */
  readonly took: string;
}

/** What somebody needs to know when the playground is up: how every target is, and what to try. */
export function formatSummary(run: Summary): string {
  const { state, demo, targets, took } = run;
  const rows = targets.map(describeTarget).toSorted();
  const well = targets.every((target) => target.state === "current");
  const up = well ? `All up after ${took}.` : `Up after ${took}, but not all is current; why: npx drover get targets.`;
  const kubectl = `kubectl --kubeconfig ${here(join(state, "kubeconfig"))}`;
  const repository = here(demo);
  return `
${rows.join("\n")}

${up} Three things to try, in another terminal:
  1  change Git          sed -i 's/Hello/Hej/' ${repository}/apps/hello/config.yaml && git -C ${repository} commit -qam hej
                         npx drover get targets
  2  make drift          ${kubectl} --context prod-1 -n hello scale deploy hello --replicas 9
                         npx drover events
  3  move an app         npx drover cluster label dev-1 tier=gold && npx drover get targets

Clusters  ${kubectl} --context dev-1 get deploy -A        (contexts: dev-1 staging-1 prod-1)
Stop      Ctrl-C`;
}

function describeTarget({ app, cluster, state, revision, message }: Target): string {
  const line = `  ${state.padEnd(12)} ${`${app}@${cluster}`.padEnd(20)} ${revision.slice(0, 7)}`;
  return message === "" ? line : `${line}  ${message}`;
}

/** A path as somebody would type it in this folder. */
export function here(path: string): string {
  const short = relative(process.cwd(), path);
  return short.startsWith("../..") ? path : short;
}
