import { expect, test } from "vitest";

import { parseAddress } from "./address.ts";
import { checkRef } from "./refs.ts";

test.each([
  ["https://git.example/a/b.git/", { kind: "http", url: "https://git.example/a/b.git", username: "", password: "" }],
  ["https://me:p%40ss@git.example/a", { kind: "http", url: "https://git.example/a", username: "me", password: "p@ss" }],
  ["HTTP://git.example:8080/a?x=1#y", { kind: "http", url: "http://git.example:8080/a", username: "", password: "" }],
  ["file:///srv/a%20b", { kind: "local", path: "/srv/a b" }],
  ["/srv/config", { kind: "local", path: "/srv/config" }],
  ["/srv/a:b", { kind: "local", path: "/srv/a:b" }],
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
  ["git@git.example:a/b.git", { url: "git.example:a/b.git", host: "git.example", path: "a/b.git" }],
  ["git.example:/srv/a.git/", { url: "git.example:/srv/a.git", host: "git.example", path: "/srv/a.git/" }],
  ["ana@Git.Example:~/a b", { url: "git.example:~/a b", username: "ana", host: "git.example", path: "~/a b" }],
  ["git@[::1]:a", { url: "[::1]:a", host: "::1", path: "a" }],
  ["ssh://git.example/a.git", { url: "ssh://git.example/a.git", host: "git.example", path: "/a.git" }],
  [
    "SSH://ana@git.example:2222/a%20b",
    { url: "ssh://git.example:2222/a b", username: "ana", port: 2222, path: "/a b" },
  ],
  ["ssh://git@git.example/~ana/a", { url: "ssh://git.example/~ana/a", path: "~ana/a" }],
  ["ssh://git@[fe80::1]:22/a", { url: "ssh://[fe80::1]:22/a", host: "fe80::1", path: "/a" }],
  ["git@git.example:it's;$(x)`y`", { path: "it's;$(x)`y`" }],
])("reads the address %s over SSH", (url, expected) => {
  expect(parseAddress({ url })).toMatchObject({ kind: "ssh", username: "git", port: 22, ...expected });
});

test("another user is one that is given or that the address names, in this order", () => {
  expect(parseAddress({ url: "ana@git.example:a", username: "bob" })).toMatchObject({ username: "bob" });
});

test.each([
  "ext::sh -c x@y:z",
  "ext::sh -c x",
  "git://git.example/a",
  "git+ssh://git@git.example/a",
  "ssh+git://git@git.example/a",
  "https://",
  "",
  // What a program would take for an option.
  "-oProxyCommand=x",
  "--upload-pack=x",
  "-oProxyCommand=x:a",
  "git@-oProxyCommand=x:a",
  "-git@git.example:a",
  "git@git.example:-oProxyCommand=x",
  "ssh://-oProxyCommand=x/a",
  "ssh://git@-oProxyCommand=x/a",
  "ssh://%2DoProxyCommand=x/a",
  "ssh://-x@git.example/a",
  // What ends a line or a text elsewhere.
  "git@git.example:a\nb",
  "git@git.example:a\0b",
  "git@git.\nexample:a",
  "ssh://git@git.example/a%0Ab",
  "ssh://git@git.example/a%00b",
  "ssh://git%0A@git.example/a",
  "ssh://git@git.exa\tmple/a",
  // What names no host or no repository.
  "git@git.example:",
  "git@:a",
  "@git.example:a",
  "git@git.example::a",
  "git@git.example:/",
  "ssh://git.example",
  "ssh://git.example/",
  "ssh:///a",
  "ssh://git.example:99999/a",
  "ssh://git.example:0x16/a",
  "ssh://git@git.example/%zz",
  "ssh://git@git.example/a?b",
  "ssh://git@git.example/a#b",
  "ssh://git@git example/a",
  "git@git example:a",
  "git@git.example;x:a",
  "git@$(x):a",
  "a b@git.example:a",
  `git@git.example:${"a".repeat(1025)}`,
])("refuses the address %j", (url) => {
  expect(() => parseAddress({ url })).toThrow(expect.objectContaining({ code: "usage" }));
});

test.each([{ url: "ssh://git:s3cret@git.example/a" }, { url: "git@git.example:a", password: "s3cret" }])(
  "takes no password over SSH, and does not quote it",
  (input) => {
    expect(() => parseAddress(input)).toThrow(
      expect.objectContaining({ code: "usage", message: expect.not.stringContaining("s3cret") }),
    );
  },
);

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
