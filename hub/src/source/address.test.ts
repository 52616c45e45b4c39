import { expect, test } from "vitest";

import { parseAddress } from "./address.ts";
import { checkRef } from "./refs.ts";

test.each([
  ["https://git.example/a/b.git/", { kind: "http", url: "https://git.example/a/b.git", username: "", password: "" }],
  ["https://me:p%40ss@git.example/a", { kind: "http", url: "https://git.example/a", username: "me", password: "p@ss" }],
  ["HTTP://git.example:8080/a?x=1#y", { kind: "http", url: "http://git.example:8080/a", username: "", password: "" }],
  ["file:///srv/a%20b", { kind: "local", path: "/srv/a b" }],
  ["/srv/config", { kind: "local", path: "/srv/config" }],
])("reads the address %s", (url, expected) => {
  expect(parseAddress({ url })).toEqual(expected);
});

test("credentials that are given win over those in the address", () => {
  expect(parseAddress({ url: "https://a:b@git.example/x", username: "c", password: "d" })).toMatchObject({
    username: "c",
    password: "d",
  });
});

test.each([
  "ssh://git@git.example/a",
  "git@git.example:a/b.git",
  "ext::sh -c x@y:z",
  "git://git.example/a",
  "https://",
])("refuses the address %s", (url) => {
  expect(() => parseAddress({ url })).toThrow(expect.objectContaining({ code: "usage" }));
});

test("an address that cannot be read is not quoted: it may hold a password", () => {
  expect(() => parseAddress({ url: "https://me:secret@" })).toThrow(
    expect.objectContaining({ message: expect.not.stringContaining("secret") }),
  );
});

test.each(["", "main", "feature/a-b", "v1.2.3", "refs/tags/v1", "0123456789012345678901234567890123456789"])(
  "takes the ref %j",
  (ref) => {
    expect(() => checkRef(ref)).not.toThrow();
  },
);

test.each([
  "-u",
  "--upload-pack=x",
  "a b",
  "a..b",
  "a~1",
  "a^",
  "a:b",
  "a?",
  "a*",
  "a[",
  "a\\b",
  "@{",
  "a\nb",
  "a\0",
  "/a",
  "a/",
  "a.lock",
  "x".repeat(256),
])("refuses the ref %j", (ref) => {
  expect(() => checkRef(ref)).toThrow(expect.objectContaining({ code: "usage" }));
});
