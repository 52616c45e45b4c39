import { createHmac } from "node:crypto";

import type { Forge } from "@drover/shared/api/webhook";

export interface Delivery {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What a forge sends after a push of this commit to main: its headers, and a body of the shape that it documents. */
export function deliveryOf(
  forge: Forge,
  { commit, secret, seconds }: { readonly commit: string; readonly secret: string; readonly seconds: number },
): Delivery {
  const body = bodies[forge](commit);
  const hex = (text: string): string => createHmac("sha256", secret).update(text).digest("hex");
  const json = { "content-type": "application/json" };
  switch (forge) {
    case "github":
      return {
        body,
        headers: {
          "content-type": "application/x-www-form-urlencoded",
          "user-agent": "GitHub-Hookshot/044aadd",
          "x-github-delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
          "x-github-event": "push",
          "x-hub-signature": `sha1=${createHmac("sha1", secret).update(body).digest("hex")}`,
          "x-hub-signature-256": `sha256=${hex(body)}`,
        },
      };
    case "gitlab":
      return {
        body,
        headers: {
          ...json,
          "user-agent": "GitLab/18.5.0",
          "x-gitlab-event": "Push Hook",
          "x-gitlab-event-uuid": "13792a34-cac6-4fda-95a8-c58e00a3954e",
          "x-gitlab-token": secret,
        },
      };
    case "gitea":
      return {
        body,
        headers: {
          ...json,
          "x-forgejo-event": "push",
          "x-forgejo-signature": hex(body),
          "x-gitea-delivery": "f6266f16-1bf3-46a5-9ea4-602e06ead473",
          "x-gitea-event": "push",
          "x-gitea-signature": hex(body),
          "x-hub-signature-256": `sha256=${hex(body)}`,
        },
      };
    case "bitbucket":
      return {
        body,
        headers: {
          ...json,
          "user-agent": "Bitbucket-Webhooks/2.0",
          "x-event-key": "repo:push",
          "x-hub-signature": `sha256=${hex(body)}`,
          "x-request-uuid": "e2f0a1c4-9c1d-4a66-8a52-8a4d3d6e9d0b",
        },
      };
    case "generic":
      return { body, headers: { "x-drover-signature": `t=${seconds},v1=${hex(`${seconds}.${body}`)}` } };
  }
}

const before = "0".repeat(40);

const bodies: Readonly<Record<Forge, (commit: string) => string>> = {
  // As a form, which is what GitHub sends unless it is told to send JSON.
  github: (commit) =>
    new URLSearchParams({
      payload: JSON.stringify({
        ref: "refs/heads/main",
        before,
        after: commit,
        repository: { id: 1, full_name: "platform/config", clone_url: "https://github.com/platform/config.git" },
        pusher: { name: "ana" },
        commits: [{ id: commit, message: "Ünïcode", added: [], removed: [], modified: ["a.yaml"] }],
      }),
    }).toString(),
  gitlab: (commit) =>
    JSON.stringify({
      object_kind: "push",
      before,
      after: commit,
      checkout_sha: commit,
      ref: "refs/heads/main",
      project: {
        id: 15,
        path_with_namespace: "platform/config",
        git_http_url: "https://gitlab.com/platform/config.git",
      },
      total_commits_count: 1,
    }),
  gitea: (commit) =>
    JSON.stringify({
      ref: "refs/heads/main",
      before,
      after: commit,
      commits: [{ id: commit, message: "Update" }],
      repository: { id: 140, full_name: "platform/config", clone_url: "https://codeberg.org/platform/config.git" },
    }),
  bitbucket: (commit) =>
    JSON.stringify({
      push: { changes: [{ new: { type: "branch", name: "main", target: { hash: commit } }, old: null }] },
      repository: { full_name: "platform/config", scm: "git" },
    }),
  generic: () => "",
};
