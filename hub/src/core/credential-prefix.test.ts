import fc from "fast-check";
import { expect, test } from "vitest";

import { covers, readPrefix } from "./credential-prefix.ts";

test.each([
  ["https://git.example.org", "https://git.example.org"],
  ["https://git.example.org/", "https://git.example.org"],
  ["HTTPS://Git.Example.org:443/Team/", "https://git.example.org/Team"],
  ["http://git.example.org:80/a/b.git", "http://git.example.org/a/b.git"],
  ["https://git.example.org:8443/team", "https://git.example.org:8443/team"],
  ["https://[2001:DB8::1]/team", "https://[2001:db8::1]/team"],
  ["https://bücher.example/a", "https://xn--bcher-kva.example/a"],
  ["https://git.example.org/%7Eteam/a%20b", "https://git.example.org/~team/a%20b"],
  ["oci://Registry.example.org:443/charts/", "oci://registry.example.org/charts"],
  ["oci://localhost:443/charts", "oci://localhost:443/charts"],
])("reads the prefix %s as %s, and that as itself", (text, expected) => {
  expect(readPrefix(text)).toBe(expected);
  expect(readPrefix(expected)).toBe(expected);
});

test.each([
  ["", "begin with https://"],
  ["git.example.org/team", "begin with https://"],
  ["ssh://git.example.org/team", "begin with https://"],
  ["file:///etc", "begin with https://"],
  ["https:///team", "have a host"],
  ["https://git.example.org:99999", "have a host"],
  ["https://git%2eexample.org", "have a host"],
  ["https://ci:s3cret@git.example.org", "hold no user name"],
  ["https://s3cret@git.example.org", "hold no user name"],
  ["https://git.example.org/team?token=s3cret", "hold no query"],
  ["https://git.example.org/#s3cret", "hold no query"],
  ["https://git.example.org\\@evil.example", "hold no white space"],
  ["https://git.example.org/a b", "hold no white space"],
  ["https://git.example.org/a\tb", "hold no white space"],
  ["https://git.example.org/\u202Ea", "hold no white space"],
  ["https://git.example.org//team", "hold no empty parts"],
  ["https://git.example.org/team/../other", "hold no empty parts"],
  ["https://git.example.org/team/%2e%2E/other", "hold no empty parts"],
  ["https://git.example.org/team/.%2e;x/other", "hold no empty parts"],
  ["https://git.example.org/team%2Fother", "hold no empty parts"],
  ["https://git.example.org/team%5cother", "hold no empty parts"],
  ["https://git.example.org/team%252e", "hold no empty parts"],
  ["https://git.example.org/team%00", "hold no empty parts"],
  ["https://git.example.org/team%zz", "hold no empty parts"],
  ["https://git.example.org/team%3Fx", "hold no empty parts"],
  [`https://git.example.org/${"a".repeat(4096)}`, "have up to 4096"],
])("refuses the prefix %s", (text, why) => {
  const read = () => readPrefix(text);
  expect(read).toThrow(expect.objectContaining({ code: "usage", message: expect.stringContaining(why) }));
  expect(read).not.toThrow(/s3cret/u);
  expect(covers("https://git.example.org", text)).toBe(false);
});

test.each([
  ["https://git.example.org", "https://git.example.org/team/a.git"],
  ["https://git.example.org/team", "https://git.example.org/team"],
  ["https://git.example.org/team", "https://git.example.org/team/"],
  ["https://git.example.org/team", "https://GIT.example.org:443/team/a.git"],
  ["https://git.example.org/~team", "https://git.example.org/%7Eteam/a.git"],
  ["http://127.0.0.1:3000", "http://127.0.0.1:3000/a"],
  ["oci://registry.example.org", "oci://registry.example.org/charts/podinfo"],
])("%s is for %s", (prefix, address) => {
  expect(covers(prefix, address)).toBe(true);
});

test.each([
  ["https://git.example.org/team", "https://git.example.org/teamx"],
  ["https://git.example.org/team", "https://git.example.org/Team"],
  ["https://git.example.org/team", "https://git.example.org"],
  ["https://git.example.org/team", "https://git.example.org/team/../other"],
  ["https://git.example.org/team", "https://git.example.org/team/%2e%2e/other"],
  ["https://git.example.org/team", "https://git.example.org/team/..;/other"],
  ["https://git.example.org/team", "https://git.example.org/team%2F..%2Fother"],
  ["https://git.example.org/team", "https://git.example.org//team/a"],
  ["https://git.example.org", "http://git.example.org/a"],
  ["http://git.example.org", "https://git.example.org/a"],
  ["https://registry.example.org", "oci://registry.example.org/a"],
  ["oci://localhost", "oci://localhost:443/a"],
  ["https://git.example.org", "https://git.example.org:8443/a"],
  ["https://git.example.org", "https://git.example.org.evil.example/a"],
  ["https://git.example.org", "https://evil-git.example.org/a"],
  ["https://git.example.org", "https://git.example.org@evil.example/a"],
  ["https://git.example.org", "https://evil.example/https://git.example.org"],
  ["https://git.example.org", "git@git.example.org:a.git"],
  ["https://git.example.org", "/srv/git"],
])("%s is not for %s", (prefix, address) => {
  expect(covers(prefix, address)).toBe(false);
});

const part = fc.stringMatching(/^[A-Za-z0-9_-][-._~A-Za-z0-9]{0,8}$/u);
const parts = fc.array(part, { maxLength: 4 });
const origin = fc.constantFrom("https://git.example.org", "http://10.0.0.1:3000", "oci://registry.example.org:5000");

test("a prefix is for all that goes on from it, and for nothing that leaves it", () => {
  fc.assert(
    fc.property(origin, parts, parts, part, (host, path, rest, other) => {
      const prefix = readPrefix([host, ...path].join("/"));
      expect(covers(prefix, [prefix, ...rest].join("/"))).toBe(true);
      for (const [index, known] of path.entries()) {
        if (known === other) continue;
        expect(
          covers(prefix, [host, ...path.slice(0, index), other, ...path.slice(index + 1), ...rest].join("/")),
        ).toBe(false);
      }
    }),
  );
});

test("whatever an address is, what covers it is where a request goes", () => {
  const piece = fc.constantFrom(
    "/",
    "team",
    "teamx",
    "..",
    ".",
    "%2e",
    "%2F",
    "%5c",
    "\\",
    ";",
    "@",
    "#",
    "?",
    ":",
    " ",
    "\t",
    "%",
  );
  const end = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(""));
  fc.assert(
    fc.property(end, (text) => {
      const address = `https://git.example.org${text}`;
      if (!covers("https://git.example.org/team", address)) return;
      const { origin, pathname } = new URL(address);
      expect(origin).toBe("https://git.example.org");
      expect(`${pathname}/`).toMatch(/^\/team\//u);
    }),
    { numRuns: 2_000 },
  );
});
