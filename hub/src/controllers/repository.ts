import type { Clock } from "@drover/shared/clock";
import { done, type Outcome } from "@drover/shared/controller";
import { DroverError } from "@drover/shared/errors";
import type { Logger } from "@drover/shared/log";
import type { Problem } from "@drover/shared/problems";

import { sourceKey } from "../core/attempts.ts";
import type { Catalog } from "../core/catalog.ts";
import { readDeclaringFile, type Declarations } from "../core/declarations.ts";
import type { Commit, Mirror } from "../source/git/mirror.ts";
import { readSnapshot, type Snapshot } from "../source/snapshot.ts";
import type { SourceRecord, Store } from "../store/store.ts";
import { affected, type Published } from "./affected.ts";
import { createCommitPolicy, type CommitPolicy } from "./commit-policy.ts";
import { syncDeclaredSources } from "./declared-sources.ts";
import type { EventLog } from "./event-log.ts";
import { createHistory } from "./history.ts";
import type { Quarantine } from "./quarantine.ts";
import type { World } from "./world.ts";

export interface RepositoryDeps {
  readonly store: Store;
  readonly world: World;
  readonly mirror: Mirror;
  readonly events: EventLog;
  readonly quarantine: Quarantine;
  readonly clock: Clock;
  readonly log: Logger;
  /** Tells the poller how the fetch went, so that it backs off from a repository that fails. */
  readonly settled: (source: string, ok: boolean) => void;
  /** Asks for the applications that a new catalog may change. */
  readonly changed: (applications: Iterable<string>) => void;
  /** Asks for a look at sources that a catalog declares otherwise than before. */
  readonly sourcesChanged: (sources: readonly string[]) => void;
}

/** Fetches a repository and reads what it declares. Whatever fails, the last good catalog stays in force. */
export function createRepositoryReconciler(
  deps: RepositoryDeps,
): (name: string, signal: AbortSignal) => Promise<Outcome> {
  /** What each file of each repository declared, by path: one with the same blob is not read again. */
  const files = new Map<string, ReadonlyMap<string, ReadFile>>();
  /** What is in force of each repository. */
  const published = new Map<string, Published>();
  const policy = createCommitPolicy(deps);
  const history = createHistory(deps);
  return async (name, signal) => {
    const source = deps.store.source(name);
    if (source === undefined) {
      files.delete(name);
      published.delete(name);
      policy.forget(name);
      history.forget(name);
      deps.quarantine.forget(sourceKey(name));
      await forget(deps, name);
      return done;
    }
    try {
      await refresh({ ...deps, policy, files, published }, source, signal);
      deps.settled(name, true);
      await history.look(name, signal);
    } catch (cause) {
      signal.throwIfAborted();
      const error = DroverError.from(cause);
      deps.settled(name, false);
      deps.log.info({ repository: name, code: error.code }, "repository cannot be read");
      deps.world.setSource(name, {}, { type: "Fetched", status: "False", reason: error.code, message: explain(error) });
    }
    return done;
  };
}

interface ReadFile {
  readonly oid: string;
  readonly declared: Declarations;
}

/** What a source declared goes with it; what it put on clusters stays. */
async function forget({ store, world, mirror, sourcesChanged, changed }: RepositoryDeps, name: string): Promise<void> {
  const declared = store.sources().filter(({ declaredIn }) => declaredIn === name);
  for (const source of declared) store.deleteSource(source.name);
  world.catalogs.delete(name);
  world.sources.delete(name);
  await mirror.forget(name);
  sourcesChanged(declared.map((source) => source.name));
  changed(renderedFrom(world, name));
}

/** Applications that other repositories declare and that are rendered from this one. */
function renderedFrom({ catalogs }: World, name: string): readonly string[] {
  return catalogs.applicationNames().filter((app) => {
    const [application] = catalogs.applications(app);
    return application?.source.repository === name && application.repository !== name;
  });
}

interface RefreshDeps extends RepositoryDeps {
  readonly policy: CommitPolicy;
  readonly files: Map<string, ReadonlyMap<string, ReadFile>>;
  readonly published: Map<string, Published>;
}

async function refresh(deps: RefreshDeps, source: SourceRecord, signal: AbortSignal): Promise<void> {
  const { world, clock, quarantine } = deps;
  const seenAtMs = clock.now();
  const found = await deps.mirror.fetch(source, signal);
  const commit = await deps.policy.admit(source, found, signal);
  const fetched = { type: "Fetched", status: "True", reason: "Fetched", message: "" } as const;
  if (commit === undefined) {
    world.setSource(source.name, { fetchedAtMs: clock.now() }, fetched);
    return;
  }
  const old = world.source(source.name);
  const { path, declares } = source;
  const isAsBefore = old.readAs?.path === path && old.readAs.declares === declares;
  if (old.commit?.id === commit.id && old.snapshot !== undefined && isAsBefore) {
    world.setSource(source.name, { commit, fetchedAtMs: clock.now() }, fetched);
    return;
  }
  const message = quarantine.refusal(sourceKey(source.name), commit.id, `drover sync source/${source.name}`);
  if (message !== "") {
    world.setSource(source.name, { fetchedAtMs: clock.now() }, fetched);
    world.setSource(source.name, {}, { type: "Declared", status: "False", reason: "Quarantined", message });
    return;
  }
  await quarantine.run(sourceKey(source.name), commit.id, async () => read(deps, source, { commit, seenAtMs }, signal));
}

interface Found {
  readonly commit: Commit;
  readonly seenAtMs: number;
}

async function read(
  deps: RefreshDeps,
  source: SourceRecord,
  { commit, seenAtMs }: Found,
  signal: AbortSignal,
): Promise<void> {
  const { world, clock, files } = deps;
  const { path, declares } = source;
  const old = world.source(source.name);
  const snapshot = await readSnapshot(deps.mirror, source, { commit, path }, signal);
  const catalog = declares ? await readCatalog(source.name, snapshot, files) : emptyCatalog(source.name, commit.id);
  world.setSource(
    source.name,
    { commit, snapshot, readAs: { path, declares }, seenAtMs, fetchedAtMs: clock.now(), problems: catalog.problems },
    { type: "Fetched", status: "True", reason: "Fetched", message: "" },
  );
  if (old.commit?.id !== commit.id) {
    const subject = commit.message.split("\n", 1)[0] ?? "";
    const message = `${source.name} ${commit.ref}@${commit.id.slice(0, 7)} by ${commit.author}: ${subject}`;
    deps.events.append({ type: "commit", app: "", cluster: "", message });
  }
  deps.log.info({ repository: source.name, commit: commit.id, durationMs: clock.now() - seenAtMs }, "commit read");
  await publish(deps, catalog, snapshot);
}

/** Puts a catalog in force, unless it is empty where there was something: an emptied repository changes nothing. */
async function publish(deps: RefreshDeps, catalog: Catalog, snapshot: Snapshot): Promise<void> {
  const { world, store } = deps;
  const name = catalog.repository;
  const held = store.applications().flatMap((app) => store.targetsOf(app).filter((t) => t.declaredIn.includes(name)));
  if (catalog.declarations.length === 0 && held.length > 0) {
    const apps = new Set(held.map((target) => target.app)).size;
    const message = `the repository declares nothing any more; ${apps} applications on ${held.length} targets are kept as they are`;
    world.setSource(name, {}, { type: "Declared", status: "False", reason: "RepositoryEmpty", message });
    deps.changed(renderedFrom(world, name));
    return;
  }
  const declared = await syncDeclaredSources({ store, catalogs: world.catalogs }, catalog);
  const problems = [...catalog.problems, ...declared.problems];
  const errors = problems.filter((problem) => problem.severity === "error").length;
  world.setSource(
    name,
    { problems },
    errors === 0
      ? { type: "Declared", status: "True", reason: "Declared", message: "" }
      : {
          type: "Declared",
          status: "False",
          reason: "InvalidFiles",
          message: describeErrors(problems, errors),
        },
  );
  const now = { catalog: { ...catalog, problems }, snapshot };
  world.catalogs.set(now.catalog);
  deps.sourcesChanged(declared.changed);
  const { changed, asBefore } = await affected(deps, deps.published.get(name), now);
  deps.published.set(name, now);
  for (const app of asBefore) world.applications.set(app, { ...world.application(app), commit: catalog.commit });
  deps.changed(changed);
}

/** Of a repository of which only the files are wanted. */
function emptyCatalog(repository: string, commit: string): Catalog {
  return { repository, commit, declarations: [], problems: [] };
}

async function readCatalog(
  repository: string,
  snapshot: Snapshot,
  files: Map<string, ReadonlyMap<string, ReadFile>>,
): Promise<Catalog> {
  const before = files.get(repository);
  const read = new Map<string, ReadFile>();
  for (const { path, oid, mode } of snapshot.entries.values()) {
    if (!/\.ya?ml$/u.test(path) || mode === "submodule") continue;
    const known = before?.get(path);
    // A link stays the same when what it leads to changes.
    const isSame = known?.oid === oid && mode !== "symlink";
    read.set(path, isSame ? known : { oid, declared: await readDeclaringFile(repository, snapshot, path) });
  }
  files.set(repository, read);
  const all = [...read.values()].map(({ declared }) => declared);
  return {
    repository,
    commit: snapshot.commit.id,
    declarations: all.flatMap((file) => file.declarations),
    problems: all.flatMap((file) => file.problems),
  };
}

function describeErrors(problems: readonly Problem[], errors: number): string {
  const first = problems.find((problem) => problem.severity === "error");
  const where = first?.at === undefined ? "" : `${first.at.file}:${first.at.line}:${first.at.column}: `;
  const more = errors > 1 ? ` (and ${errors - 1} more)` : "";
  return `${where}${first?.message ?? ""}${more}`;
}

function explain(error: DroverError): string {
  return error.hint === undefined ? error.message : `${error.message} (${error.hint})`;
}
