import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { openGitObjects } from "@drover/hub/source/git/git-objects";
import { judgeCommit } from "@drover/hub/source/signatures/commit-signature";
import { readSigners } from "@drover/hub/source/signatures/signers";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";

import { describeWithRig } from "../rig/describe-with-rig.ts";
import { createWorkTree, type WorkTree } from "../rig/git.ts";
import { signingPrograms } from "../rig/programs.ts";
import { startSigning, type GitSigner, type Signing } from "../rig/signing.ts";
import { files, startLoop, web } from "./loop.ts";

const waiting = { timeout: 10_000, interval: 20 };

describeWithRig(...signingPrograms)("commits that people signed", () => {
  let signing: Signing;
  let ada: GitSigner;
  let bob: GitSigner;
  let eve: GitSigner;

  beforeAll(async () => {
    signing = await startSigning();
    [ada, bob, eve] = await Promise.all([signing.openPgp("ada"), signing.ssh("bob"), signing.ssh("eve")]);
  });
  afterAll(async () => signing[Symbol.asyncDispose]());

  const commit = async (tree: WorkTree, by: GitSigner | undefined, replicas: number): Promise<string> => {
    await tree.write({ "apps/web/web.yaml": web(replicas) });
    await tree.git("add", "--all");
    const sign = by === undefined ? ["--no-gpg-sign"] : ["-S"];
    await tree.git(
      ...(by?.settings ?? []),
      "commit",
      "--quiet",
      "--allow-empty",
      ...sign,
      `--message=${replicas} ü\n\n x`,
    );
    return (await tree.git("rev-parse", "HEAD")).trim();
  };

  describe("with git", () => {
    let tree: WorkTree;
    beforeAll(async () => (tree = await createWorkTree({ files })));
    afterAll(async () => tree[Symbol.asyncDispose]());
    const judge = async (id: string, keys: readonly string[], tag?: string) => {
      const objects = openGitObjects(join(tree.path, ".git"));
      return judgeCommit(objects, tag === undefined ? { id } : { id, tag }, await readSigners(keys));
    };

    test("and gpg, or ssh-keygen and any kind of key, are known to be theirs", async () => {
      const [rsa, ecdsa] = await Promise.all([signing.ssh("rita", "rsa"), signing.ssh("emil", "ecdsa")]);
      for (const one of [ada, bob, rsa, ecdsa]) {
        const id = await commit(tree, one, 2);
        expect(await judge(id, [one.publicKey])).toMatchObject({ kind: "signed" });
        expect(await judge(id, [eve.publicKey])).toMatchObject({ kind: "unknown-key" });
      }
    });

    test("are theirs after a merge of a signed tag too, whose signature is part of the commit", async () => {
      await commit(tree, undefined, 3);
      await tree.git("checkout", "--quiet", "-b", "side");
      await commit(tree, undefined, 4);
      await tree.git(...eve.settings, "tag", "-s", "-m", "side", "side-1");
      await tree.git("checkout", "--quiet", "main");
      await tree.git(...ada.settings, "merge", "--quiet", "--no-ff", "-S", "-m", "merge", "side-1");
      const id = (await tree.git("rev-parse", "HEAD")).trim();
      expect(await tree.git("cat-file", "commit", id)).toContain("mergetag object");
      expect(await judge(id, [ada.publicKey])).toMatchObject({ kind: "signed" });
    });

    test("may be signed by their tag", async () => {
      const id = await commit(tree, undefined, 5);
      for (const [name, one] of Object.entries({ ada, bob })) {
        await tree.git(...one.settings, "tag", "-s", "-m", "release", name);
        const tag = (await tree.git("rev-parse", name)).trim();
        expect(await judge(id, [one.publicKey], tag)).toMatchObject({ kind: "signed" });
        expect(await judge(id, [eve.publicKey], tag)).toMatchObject({ kind: "unknown-key" });
      }
      expect(await judge(id, [ada.publicKey])).toEqual({ kind: "unsigned" });
    });

    test("are not theirs when gpg has revoked the key since", async () => {
      const carl = await signing.openPgp("carl");
      const id = await commit(tree, carl, 6);
      expect(await judge(id, [carl.publicKey])).toMatchObject({ kind: "signed" });
      const revoked = await signing.revoke(carl);
      expect(await judge(id, [revoked])).toMatchObject({ kind: "unusable-key", why: "is revoked" });
    });
  });

  describe("in a hub", () => {
    let tree: WorkTree;
    let folder: string;
    let hub: Awaited<ReturnType<typeof startLoop>>;

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "drover-signed-"));
      tree = await createWorkTree({ files });
      hub = await startLoop(folder, tree);
      await untilReads((await tree.git("rev-parse", "HEAD")).trim());
    });
    afterAll(async () => {
      await hub[Symbol.asyncDispose]();
      await tree[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    });

    const source = () => hub.views.source("config");
    const trust = async (...signers: readonly GitSigner[]): Promise<void> => {
      const record = hub.store.source("config");
      if (record === undefined) throw new Error("there is no source");
      hub.store.putSource({ ...record, signers: await readSigners(signers.map(({ publicKey }) => publicKey)) });
      hub.loop.wake.source("config");
    };
    const untilReads = async (id: string): Promise<void> => {
      await vi.waitFor(() => expect(source()).toMatchObject({ revision: id, state: "current" }), waiting);
    };
    const untilRefuses = async (reason: string, message: RegExp): Promise<void> =>
      vi.waitFor(() => {
        const conditions = source()?.conditions.filter(({ type }) => type === "Signed");
        expect(conditions).toMatchObject([{ status: "False", reason, message: expect.stringMatching(message) }]);
      }, waiting);

    test("keep what runs as it is while nobody signed what is newer, and go on with the next that somebody did", async () => {
      await trust(ada, bob);
      await untilRefuses("commit_unsigned", /is not signed; main@[0-9a-f]{7} stays in force/u);
      const first = await commit(tree, ada, 2);
      hub.loop.wake.source("config");
      await untilReads(first);
      await commit(tree, undefined, 3);
      hub.loop.wake.source("config");
      await untilRefuses("commit_unsigned", new RegExp(`main@${first.slice(0, 7)} stays in force`, "u"));
      await commit(tree, eve, 4);
      hub.loop.wake.source("config");
      await untilRefuses("commit_untrusted", /is signed with the key ssh-ed25519 SHA256:\S+, which is none/u);
      expect(source()).toMatchObject({ revision: first, state: "failed" });
      const events = hub.store.events().filter(({ type }) => type === "problem");
      expect(events.map(({ message }) => message).join("\n")).toContain("which is none of the source's signers");
      const next = await commit(tree, bob, 5);
      hub.loop.wake.source("config");
      await untilReads(next);
    });

    test("stay in force over a restart of the hub, which reads them again", async () => {
      const taken = source()?.revision ?? "";
      await commit(tree, eve, 6);
      await hub[Symbol.asyncDispose]();
      hub = await startLoop(folder, tree);
      await untilRefuses("commit_untrusted", /stays in force/u);
      await vi.waitFor(() => expect(source()).toMatchObject({ revision: taken, applications: 2 }), waiting);
    });

    test("need no signature any more when a person says so", async () => {
      const id = (await tree.git("rev-parse", "HEAD")).trim();
      await trust();
      await untilReads(id);
      expect(source()?.conditions).toContainEqual(expect.objectContaining({ type: "Signed", reason: "NotRequired" }));
    });

    test("are found by the newest tag of a range that somebody signed", async () => {
      const id = await commit(tree, undefined, 7);
      await tree.git(...bob.settings, "tag", "-s", "-m", "release", "v1.0.0");
      const record = hub.store.source("config");
      if (record === undefined) throw new Error("there is no source");
      hub.store.putSource({ ...record, version: "1.x", signers: await readSigners([bob.publicKey]) });
      hub.loop.wake.source("config");
      await untilReads(id);
      await commit(tree, undefined, 8);
      await tree.git("tag", "-m", "by nobody", "v1.1.0");
      hub.loop.wake.source("config");
      await untilRefuses("commit_unsigned", /v1\.0\.0@[0-9a-f]{7} stays in force/u);
      expect(source()?.revision).toBe(id);
    });
  });
});
