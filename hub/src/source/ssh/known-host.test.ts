import { DroverError } from "@drover/shared/errors";
import { expect, test } from "vitest";

import { createKnownHost } from "./known-host.ts";
import type { SshAddress } from "./ssh-address.ts";

const first = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPvvCGlvmfS2eSf3XPqcIDq69CaGeVhBOQqYeqWKhzrZ";
const second = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAGlvmfS2eSf3XPqcIDq69CaGeVhBOQqYeqWKhzrZ";
const address: SshAddress = {
  kind: "ssh",
  url: "ssh://git.example/a",
  username: "git",
  host: "git.example",
  port: 22,
  path: "/a",
};

test("the first key is pinned once, and shown again in the same fetch it is known", () => {
  const pins: string[] = [];
  const host = createKnownHost({ source: "a", address, hostKeys: [], pin: (key) => void pins.push(key) });
  host.check(first);
  host.check(first);
  expect([pins, host.pinned]).toEqual([[first], [first]]);
  expect(() => host.check(second)).toThrow(expect.objectContaining({ code: "host_key_changed" }));
});

test("a key that cannot be pinned is not known", () => {
  const pin = (): void => {
    throw new DroverError("canceled", "no");
  };
  const host = createKnownHost({ source: "a", address, hostKeys: [], pin });
  expect(() => host.check(first)).toThrow(expect.objectContaining({ code: "canceled" }));
  expect(host.pinned).toEqual([]);
});

test("another key than those that are pinned names all, and the command that trusts it", () => {
  const host = createKnownHost({ source: "a", address, hostKeys: [first], pin: () => undefined });
  expect(() => host.check(second)).toThrow(
    expect.objectContaining({
      code: "host_key_changed",
      message: expect.stringMatching(/git\.example.*SHA256:\S+, but ssh-ed25519 SHA256:rnnrsM\S+ is pinned/u),
      hint: expect.stringContaining(`drover source trust a --host-key "${second}"`),
    }),
  );
});
