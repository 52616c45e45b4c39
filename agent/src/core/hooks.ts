import type { KubeObject } from "@drover/shared/kube/manifest";

/**
 * When an object is applied. `pre`, `main` and `post` follow each other in every bundle, each when all of the one before
 * is ready; `failure` when a bundle could not be applied; the last two when the application is removed, before anything of
 * it is deleted and after everything else is gone.
 */
export type Stage = "pre" | "main" | "post" | "failure" | "pre-delete" | "post-delete";

/** `first`: only with the first bundle of the application; `later`: only with others. */
type Occasion = "any" | "first" | "later";

/** What the annotations of Helm and Argo CD say about an object that is run rather than kept. */
export interface Hook {
  readonly stages: Readonly<Partial<Record<Stage, Occasion>>>;
  /** Within its stage: lower ones are ended before higher ones start. */
  readonly weight: number;
  /** Deleted when its stage is over and it has ended like this; before its next run it is deleted anyhow. */
  readonly deleteAfter: readonly Outcome[];
}

export type Outcome = "success" | "failure";

const argoHook = "argocd.argoproj.io/hook";
const helmHook = "helm.sh/hook";

/**
 * The hook that an object is; `skip` when it is never applied; undefined when it is no hook. Each object counts by
 * itself: a hook of one kind does not switch off those of the other. Argo CD's word counts where an object has both.
 */
export function readHook(object: KubeObject): Hook | "skip" | undefined {
  const annotations = object.metadata.annotations ?? {};
  const argo = annotations[argoHook];
  const helm = annotations[helmHook];
  if (argo !== undefined) {
    return toHook(split(argo), argoEvents, {
      weight: annotations["argocd.argoproj.io/sync-wave"],
      deletion: annotations["argocd.argoproj.io/hook-delete-policy"],
    });
  }
  if (helm === undefined) return undefined;
  const events = split(helm);
  // A definition of Helm 2, which is an object like any other.
  if (events.includes("crd-install")) return undefined;
  return toHook(events, helmEvents, {
    weight: annotations["helm.sh/hook-weight"],
    deletion: annotations["helm.sh/hook-delete-policy"],
  });
}

type Events = Readonly<Record<string, readonly [Stage, Occasion] | undefined>>;

/** What is not in here is not applied: `Skip`. */
const argoEvents: Events = {
  PreSync: ["pre", "any"],
  Sync: ["main", "any"],
  PostSync: ["post", "any"],
  SyncFail: ["failure", "any"],
  PreDelete: ["pre-delete", "any"],
  PostDelete: ["post-delete", "any"],
};

/**
 * What is not in here is not applied: `test` and its kin are run by a person; a rollback is, here, a bundle like any
 * other, so `pre-rollback` and `post-rollback` have no moment of their own.
 */
const helmEvents: Events = {
  "pre-install": ["pre", "first"],
  "pre-upgrade": ["pre", "later"],
  "post-install": ["post", "first"],
  "post-upgrade": ["post", "later"],
  "pre-delete": ["pre-delete", "any"],
  "post-delete": ["post-delete", "any"],
};

function toHook(
  events: readonly string[],
  known: Events,
  { weight = "0", deletion = "" }: { readonly weight: string | undefined; readonly deletion: string | undefined },
): Hook | "skip" {
  const stages: Partial<Record<Stage, Occasion>> = {};
  for (const event of events) {
    const [stage, occasion] = (Object.hasOwn(known, event) ? known[event] : undefined) ?? [];
    if (stage === undefined || occasion === undefined) continue;
    stages[stage] = (stages[stage] ?? occasion) === occasion ? occasion : "any";
  }
  if (Object.keys(stages).length === 0 || events.includes("Skip")) return "skip";
  const policies = new Set(split(deletion).map((policy) => policy.toLowerCase().replaceAll("-", "")));
  const deleteAfter: readonly Outcome[] = [
    ...(policies.has("hooksucceeded") ? (["success"] as const) : []),
    ...(policies.has("hookfailed") ? (["failure"] as const) : []),
  ];
  const number = Number.parseInt(weight, 10);
  return { stages, weight: Number.isSafeInteger(number) ? number : 0, deleteAfter };
}

function split(text: string): readonly string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}
