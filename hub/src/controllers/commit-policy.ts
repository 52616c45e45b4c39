import { shortRevision } from "@drover/shared/api/revision";
import { canonicalJson } from "@drover/shared/digest";
import { DroverError } from "@drover/shared/errors";

import { explainVerdict, refusalOf, type Verdict } from "../core/signers.ts";
import type { Commit, Mirror } from "../source/git/mirror.ts";
import { judgeCommit } from "../source/signatures/commit-signature.ts";
import type { SourceRecord, Store } from "../store/store.ts";
import type { World } from "./world.ts";

export interface CommitPolicyDeps {
  readonly store: Pick<Store, "source" | "noteSource">;
  readonly world: World;
  readonly mirror: Pick<Mirror, "fetch" | "objects">;
}

export interface CommitPolicy {
  /**
   * The commit that is to be in force when this one was found: itself, or the one that was taken last when none of the
   * source's signers has signed it; undefined when none was ever taken.
   */
  admit(source: SourceRecord, found: Commit, signal: AbortSignal): Promise<Commit | undefined>;
  forget(name: string): void;
}

const type = "Signed";

/** Holds the commits of a source against its list of signers. The commit that is read is judged, and none before it. */
export function createCommitPolicy(deps: CommitPolicyDeps): CommitPolicy {
  const { world, mirror } = deps;
  /** A commit stays what it is: it is judged again when there is another, or other signers. */
  const judged = new Map<string, { readonly what: string; readonly verdict: Verdict }>();
  const judge = async (source: SourceRecord, found: Commit): Promise<Verdict> => {
    const what = canonicalJson([source.signers, source.url, found.id, found.tag ?? ""]);
    const known = judged.get(source.name);
    if (known?.what === what) return known.verdict;
    const verdict = await judgeCommit(await mirror.objects(source), found, source.signers);
    judged.set(source.name, { what, verdict });
    return verdict;
  };
  return {
    async admit(source, found, signal) {
      const { name, signers } = source;
      if (signers.length === 0) {
        judged.delete(name);
        if (world.source(name).conditions.some((condition) => condition.type === type))
          world.setSource(name, {}, { type, status: "True", reason: "NotRequired", message: "" });
        take(deps.store, source, found);
        return found;
      }
      const verdict = await judge(source, found);
      const standing = deps.store.source(name)?.accepted;
      const stands = standing === undefined ? "" : `${standing.ref}@${shortRevision(standing.id)}`;
      const message = explainVerdict(verdict, found.id, stands);
      const reason = refusalOf(verdict);
      if (reason === undefined) {
        take(deps.store, source, found);
        world.setSource(name, {}, { type, status: "True", reason: "Signed", message });
        return found;
      }
      world.setSource(name, {}, { type, status: "False", reason, message });
      return standing === undefined ? undefined : readAgain(mirror, source, standing, signal);
    },
    forget: (name) => void judged.delete(name),
  };
}

/** Durable before anything follows from it. Throws `canceled` when the signers are not those any more that it was held against. */
function take(store: CommitPolicyDeps["store"], source: SourceRecord, { id, ref }: Commit): void {
  const { name, url, signers } = source;
  const record = store.source(name);
  if (record?.url !== url || canonicalJson(record.signers) !== canonicalJson(signers))
    throw new DroverError("canceled", `the source ${name} was changed while it was fetched`);
  if (record.accepted?.id === id && record.accepted.ref === ref) return;
  // Versions follow each other by their numbers, and not by their commits.
  const isMove = record.accepted?.ref === ref && record.version === "";
  const previous = isMove && record.accepted !== undefined ? { previous: record.accepted.id } : {};
  store.noteSource({ ...record, accepted: { id, ref, ...previous } });
}

/** What was taken earlier may have to be fetched anew: a mirror is only a cache. */
async function readAgain(
  mirror: CommitPolicyDeps["mirror"],
  source: SourceRecord,
  { id, ref }: NonNullable<SourceRecord["accepted"]>,
  signal: AbortSignal,
): Promise<Commit> {
  const objects = await mirror.objects(source);
  if (await objects.has(id)) return { ...(await objects.readCommit(id)), ref };
  return { ...(await mirror.fetch({ ...source, ref: id, version: "" }, signal)), ref };
}
