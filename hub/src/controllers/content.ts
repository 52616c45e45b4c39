import type { Condition } from "@drover/shared/conditions";

import type { Application } from "../core/application.ts";
import { formatPackage, packageKey } from "../core/package.ts";
import type { Snapshot } from "../source/snapshot.ts";
import type { Store } from "../store/store.ts";
import type { World } from "./world.ts";

/** What an application is rendered from. */
export interface Content {
  readonly snapshot: Snapshot;
  /** The commit, or the version and digest of a package. */
  readonly revision: string;
  /** Addresses of who wrote the commit that says so. */
  readonly authors: readonly string[];
  readonly seenAtMs: number;
}

type News = Omit<Condition, "since">;

/** What to render; undefined when there is a reason to keep what is assigned, which is then a condition. */
export function contentOf(store: Store, world: World, application: Application): Content | undefined {
  return application.source.package === undefined
    ? commitContent(store, world, application)
    : packageContent(world, application);
}

function commitContent(store: Store, world: World, { name, source }: Application): Content | undefined {
  const { repository } = source;
  const { snapshot, commit, seenAtMs } = world.source(repository);
  if (world.application(name).conditions.some(({ type }) => type === "Fetched")) {
    // It had a package for its source.
    world.setApplication(name, {}, { type: "Fetched", status: "True", reason: "Fetched", message: "" });
  }
  if (snapshot !== undefined && commit !== undefined)
    return { snapshot, revision: commit.id, authors: commit.emails, seenAtMs };
  const known = store.source(repository) !== undefined;
  const reason = known ? "SourceNotRead" : "SourceMissing";
  const message = known ? `repository ${repository} has not been read yet` : `there is no source named ${repository}`;
  world.setApplication(name, { problems: [] }, { type: "Rendered", status: "False", reason, message });
  return undefined;
}

/** The last one that could be fetched, while a newer one cannot. Before the first look there is nothing to say. */
function packageContent(world: World, { name, source, repository }: Application): Content | undefined {
  const status = source.package === undefined ? undefined : world.packages.get(packageKey(source.package));
  if (source.package === undefined || status === undefined) return undefined;
  const { fetched, failure, seenAtMs } = status;
  world.setApplication(name, {}, describe(failure));
  if (fetched !== undefined) return { ...fetched, authors: world.source(repository).commit?.emails ?? [], seenAtMs };
  const message = `${formatPackage(source.package)} has not been fetched yet`;
  const rendered: News = { type: "Rendered", status: "False", reason: "SourceNotRead", message };
  world.setApplication(name, { problems: [] }, rendered);
  return undefined;
}

function describe(failure: { readonly code: string; readonly message: string } | undefined): News {
  if (failure === undefined) return { type: "Fetched", status: "True", reason: "Fetched", message: "" };
  return { type: "Fetched", status: "False", reason: failure.code, message: failure.message };
}
