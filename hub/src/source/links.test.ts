import fc from "fast-check";
import { expect, test } from "vitest";

import { followLinks } from "./links.ts";

const links = (all: Readonly<Record<string, string>>) => (path: string) =>
  Promise.resolve(Object.hasOwn(all, path) ? all[path] : undefined);

test.each<[string, Record<string, string>, string]>([
  ["a/b", {}, "a/b"],
  ["a/link", { "a/link": "b" }, "a/b"],
  ["a/link", { "a/link": "../c/./d" }, "c/d"],
  ["a/link/x", { "a/link": "../c" }, "c/x"],
  ["a", { a: "b", b: "c", c: "d/e" }, "d/e"],
  ["a/b/c", { "a/b": "../x", x: "y" }, "y/c"],
  ["./a//b", {}, "a/b"],
  ["a/..", {}, ""],
])("%s with links %j leads to %s", async (path, all, expected) => {
  expect(await followLinks(path, links(all))).toBe(expected);
});

test.each<[string, Record<string, string>, string]>([
  ["link", { link: "../x" }, "leads out of the repository"],
  ["a/link", { "a/link": "../../etc/passwd" }, "leads out of the repository"],
  ["link", { link: "/etc/passwd" }, "leads out of the repository"],
  ["a", { a: "b", b: "../c" }, "leads out of the repository"],
  ["a", { a: "a" }, "leads in a circle"],
  ["a", { a: "b", b: "a" }, "leads in a circle"],
])("%s with links %j is refused", async (path, all, why) => {
  await expect(followLinks(path, links(all))).rejects.toMatchObject({
    code: "document_invalid",
    message: `the symbolic link ${path} ${why}`,
  });
});

test("whatever the links are, the result stays inside the repository", async () => {
  const part = fc.constantFrom("a", "b", "..", ".", "", "c");
  const path = fc.array(part, { minLength: 1, maxLength: 6 }).map((parts) => parts.join("/"));
  const graph = fc.dictionary(fc.constantFrom("a", "b", "a/b", "b/a", "c", "a/c"), path);
  await fc.assert(
    fc.asyncProperty(path, graph, async (start, all) => {
      const result = await followLinks(start, links(all)).catch((cause: unknown) => {
        expect(cause).toMatchObject({ code: "document_invalid" });
        return "refused";
      });
      expect(result.split("/")).not.toContain("..");
      expect(result.startsWith("/")).toBe(false);
    }),
  );
});
