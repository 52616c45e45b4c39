import { expect, it } from "vitest";

import { createNews } from "./news.ts";

/** Bundles by name, of which each adds so many bytes beside the one before. */
function begin(sizes: Readonly<Record<string, number>>) {
  return createNews({
    added: (_from, to) => new Map([[to, new Uint8Array(sizes[to] ?? 0)]]),
  });
}

const sizesOf = (content: readonly Uint8Array[]) => content.map(({ byteLength }) => byteLength);

it("has what each replaced bundle of a cluster added, once", () => {
  const news = begin({ shop: 1, web: 2 });
  news.note("dev-1", { from: "old shop", to: "shop" });
  news.note("dev-1", { from: "old web", to: "web" });
  news.note("dev-2", { from: "old web", to: "web" });
  expect(sizesOf(news.take("dev-1"))).toEqual([1, 2]);
  expect(news.take("dev-1")).toEqual([]);
  expect(sizesOf(news.take("dev-2"))).toEqual([2]);
});

it("leaves to be asked for what is more than 64 KiB together", () => {
  const news = begin({ shop: 40_000, web: 40_000 });
  news.note("dev-1", { from: "old shop", to: "shop" });
  news.note("dev-1", { from: "old web", to: "web" });
  expect(sizesOf(news.take("dev-1"))).toEqual([40_000]);
});
