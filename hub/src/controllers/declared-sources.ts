import { canonicalJson } from "@drover/shared/digest";
import { DroverError } from "@drover/shared/errors";
import type { Problem } from "@drover/shared/problems";

import type { Catalog, Catalogs } from "../core/catalog.ts";
import type { DeclaredRepository } from "../core/repository.ts";
import type { Signer } from "../core/signers.ts";
import { parseAddress } from "../source/git/address.ts";
import { checkRef } from "../source/git/refs.ts";
import { readSigners } from "../source/signatures/signers.ts";
import { readHostKeys } from "../source/ssh/host-keys.ts";
import { sourceDefaults, type SourceRecord, type Store } from "../store/store.ts";

/** How many repositories one may declare: each is polled, and kept on disk. */
const maxDeclared = 1_000;

export interface DeclaredSourcesDeps {
  readonly store: Pick<Store, "sources" | "source" | "putSource" | "deleteSource">;
  readonly catalogs: Pick<Catalogs, "get">;
}

export interface DeclaredSources {
  /** Sources that are new, that changed, or that are gone. */
  readonly changed: readonly string[];
  readonly problems: readonly Problem[];
}

/**
 * Brings the store's sources to what a catalog declares. Those that it declared before go only when it was read whole.
 * A name that people gave to a source, or that another repository declares, stays theirs.
 */
export async function syncDeclaredSources(
  { store, catalogs }: DeclaredSourcesDeps,
  catalog: Catalog,
): Promise<DeclaredSources> {
  // Before the first look at the store: all that follows is one step.
  const signers = await readAllSigners(catalog);
  const wanted = new Map<string, SourceRecord>();
  const problems: Problem[] = [];
  for (const declared of catalog.declarations) {
    if (declared.kind !== "Repository") continue;
    try {
      if (wanted.has(declared.name)) throw taken(declared.name, "is declared twice");
      if (wanted.size >= maxDeclared)
        throw taken(declared.name, `is one more than the ${maxDeclared} that there may be`);
      checkName(store, catalogs, declared);
      const found = signers.get(declared) ?? [];
      if (found instanceof DroverError) throw found;
      wanted.set(declared.name, toRecord(declared, found, store.source(declared.name)));
    } catch (cause) {
      const { code, message, hint } = DroverError.from(cause);
      problems.push({ code, severity: "error", message, at: declared.at, ...(hint === undefined ? {} : { hint }) });
    }
  }
  const changed = [...wanted.values()].filter(
    (record) => canonicalJson(store.source(record.name) ?? {}) !== canonicalJson(record),
  );
  for (const record of changed) store.putSource(record);
  const isWhole = ![...catalog.problems, ...problems].some(({ severity }) => severity === "error");
  const gone = store
    .sources()
    .filter(({ name, declaredIn }) => isWhole && declaredIn === catalog.repository && !wanted.has(name));
  for (const { name } of gone) store.deleteSource(name);
  return { changed: [...changed, ...gone].map(({ name }) => name), problems };
}

async function readAllSigners({
  declarations,
}: Catalog): Promise<ReadonlyMap<DeclaredRepository, readonly Signer[] | DroverError>> {
  const all = new Map<DeclaredRepository, readonly Signer[] | DroverError>();
  for (const declared of declarations) {
    if (declared.kind !== "Repository" || declared.signedBy.length === 0) continue;
    all.set(declared, await readSigners(declared.signedBy).catch((cause: unknown) => DroverError.from(cause)));
  }
  return all;
}

function checkName(
  store: DeclaredSourcesDeps["store"],
  catalogs: DeclaredSourcesDeps["catalogs"],
  { name, repository }: DeclaredRepository,
): void {
  const owner = store.source(name)?.declaredIn ?? repository;
  if (owner === repository) return;
  if (owner === "") throw taken(name, "has the name of a source that was added to the hub");
  const rival = catalogs.get(owner)?.declarations.find((one) => one.kind === "Repository" && one.name === name);
  throw taken(name, `is declared in ${owner}${rival === undefined ? "" : ` ${rival.at.file}:${rival.at.line}`} too`);
}

function taken(name: string, why: string): DroverError {
  return new DroverError("precondition_failed", `repository ${name} ${why}`, { hint: "give it another name" });
}

/** A key that was pinned, or that people trusted, holds as long as the address is the same and Git names none. */
function toRecord(
  declared: DeclaredRepository,
  signers: readonly Signer[],
  known: SourceRecord | undefined,
): SourceRecord {
  const { name, url, ref, version, path, intervalSeconds, credential, declares } = declared;
  parseAddress({ url });
  checkRef(ref);
  const pinned = known?.url === url ? known.hostKeys : [];
  const hostKeys = declared.hostKeys.length > 0 ? readHostKeys(url, declared.hostKeys) : pinned;
  const declaredIn = declared.repository;
  const webhook = known?.webhook === undefined ? {} : { webhook: known.webhook };
  const accepted = known?.url === url && known.accepted !== undefined ? { accepted: known.accepted } : {};
  const rewritten = known?.url === url && known.rewritten !== undefined ? { rewritten: known.rewritten } : {};
  return {
    ...sourceDefaults,
    ...webhook,
    ...accepted,
    ...rewritten,
    name,
    url,
    ref,
    version,
    path,
    intervalSeconds,
    credential,
    hostKeys,
    declares,
    declaredIn,
    signers,
  };
}
