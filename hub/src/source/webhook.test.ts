import { createHmac } from "node:crypto";

import { forges, type Forge } from "@drover/shared/api/webhook";
import { describe, expect, it, test } from "vitest";

import { beginProof, newWebhookSecret, type Headers, type Verdict } from "./webhook.ts";

const secret = "It's a Secret to Everybody";
const body = "Hello, World!";
const now = 1_780_000_000_000;

function judge(forge: Forge | undefined, headers: Headers, text = body): Verdict {
  const proof = beginProof(forge === undefined ? undefined : { forge, secret }, headers, now);
  // As it comes from a socket: in pieces that mean nothing.
  for (let at = 0; at < text.length; at += 3) proof.take(Buffer.from(text.slice(at, at + 3)));
  return proof.verdict();
}

const hmac = (text: string, key = secret): string => createHmac("sha256", key).update(text).digest("hex");
const seconds = now / 1000;
const signed = (at: number, text = body): string => `t=${at},v1=${hmac(`${at}.${text}`)}`;

const proofs: Readonly<Record<Forge, Headers>> = {
  // The example of GitHub's page "Validating webhook deliveries".
  github: { "x-hub-signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17" },
  gitlab: { "x-gitlab-token": secret },
  gitea: { "x-gitea-signature": hmac(body) },
  bitbucket: { "x-hub-signature": `sha256=${hmac(body)}` },
  generic: { "x-drover-signature": signed(seconds) },
};

describe.each(forges)("a delivery of %s", (forge) => {
  const [name = "", value] = Object.entries(proofs[forge])[0] ?? [];
  const text = String(value);

  it("is proved by its header", () => {
    expect(judge(forge, { ...proofs[forge], "x-other": "1" })).toBe("proved");
  });

  it("without the header is not", () => {
    expect(judge(forge, {})).toBe("unsigned");
  });

  it.each([
    ["one character changed", text.replace(/.$/u, (last) => (last === "0" ? "1" : "0"))],
    ["one character less", text.slice(0, -1)],
    ["one character more", `${text}0`],
    ["nothing in it", ""],
    ["itself twice", `${text}, ${text}`],
    ["the digest in capitals and spaces", ` ${text.toUpperCase()}`],
    ["zeros for a digest", text.replace(/[0-9a-f]{64}/u, "0".repeat(64)).replace(secret, "\0".repeat(32))],
  ])("is not proved by the header with %s", (_what, wrong) => {
    expect(judge(forge, { [name]: wrong })).toBe("wrong");
  });

  it.each(forges.filter((other) => other !== forge))("is not proved by the header of %s", (other) => {
    expect(judge(forge, proofs[other])).toBe("unsigned");
  });

  it("is not proved for a source without a webhook", () => {
    expect(judge(undefined, proofs[forge])).not.toBe("proved");
  });
});

test.each(forges.filter((forge) => forge !== "gitlab"))("another body is not what %s signed", (forge) => {
  expect(judge(forge, proofs[forge], `${body} `)).toBe("wrong");
});

test("a generic delivery counts for five minutes, whichever clock is behind", () => {
  const at = (offset: number): Verdict => judge("generic", { "x-drover-signature": signed(seconds + offset) });
  expect([-300, 300, -301, 301].map(at)).toEqual(["proved", "proved", "late", "late"]);
  expect(judge("generic", { "x-drover-signature": `t=${seconds},v1=${hmac(body)}` })).toBe("wrong");
  expect(judge("generic", { "x-drover-signature": signed(seconds - 9).replace(/t=\d+/u, `t=${seconds}`) })).toBe(
    "wrong",
  );
});

test("what a generic delivery signs is worth nothing as another forge's, time and body read as one", () => {
  const taken = hmac(`${seconds}.${body}`);
  expect(judge("generic", { "x-hub-signature-256": `sha256=${taken}` }, `${seconds}.${body}`)).toBe("unsigned");
});

test("a secret is 256 random bits in letters that every forge takes", () => {
  expect(newWebhookSecret()).toMatch(/^[\w-]{43}$/u);
  expect(newWebhookSecret()).not.toBe(newWebhookSecret());
});
