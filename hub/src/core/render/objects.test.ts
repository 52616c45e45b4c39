import { DroverError } from "@drover/shared/errors";
import { describe, expect, test } from "vitest";
import { stringify } from "yaml";

import { maxContentBytes, maxObjects } from "./limits.ts";
import type { LoadedDocument, ReadPart } from "./loaded.ts";
import { ObjectCollector, readDocument, type Collected } from "./objects.ts";
import { loadPlain } from "./plain.ts";
import { snapshotOf } from "./snapshot.fixture.ts";

const at = { file: "a.yaml", line: 1, column: 1 };
const configMap = (n: number, text = ""): LoadedDocument => ({
  value: { apiVersion: "v1", kind: "ConfigMap", metadata: { name: `c${n}` }, data: { text } },
  positionOf: () => at,
});
const collect = (count: number, text?: string): Collected & { readonly isFull: boolean } => {
  const collector = new ObjectCollector("shop");
  for (let n = 0; n < count; n += 1) collector.take(readDocument(configMap(n, text)));
  return { ...collector.finish(), isFull: collector.isFull };
};

describe("E16: an application", () => {
  test("has as many objects as are allowed, and not one more", () => {
    const most = collect(maxObjects);
    expect({ count: most.manifests.length, problems: most.problems, isFull: most.isFull }).toEqual({
      count: maxObjects,
      problems: [],
      isFull: false,
    });
    const more = collect(maxObjects + 100);
    expect(more.problems).toMatchObject([
      { code: "output-too-large", severity: "error", message: "there are more than 25000 objects" },
    ]);
    expect(more.isFull).toBe(true);
  });

  test("has as many bytes as are allowed, and no more", () => {
    const text = "x".repeat(1024 * 1024);
    const most = Math.floor(maxContentBytes / (text.length + 100));
    expect(collect(most, text).problems).toEqual([]);
    expect(collect(most + 1, text).problems).toMatchObject([
      { code: "output-too-large", severity: "error", message: "the objects have more than 64 MiB" },
    ]);
  });

  test("is not read beyond what is allowed", async () => {
    const taken: unknown[] = [];
    const sink = {
      take: (parts: readonly ReadPart[]) => void taken.push(...parts.map(({ manifest }) => manifest?.object)),
      get isFull() {
        return taken.length >= 1;
      },
    };
    const snapshot = snapshotOf({
      "app/a.yaml": stringify(configMap(1).value),
      "app/b.yaml": new DroverError("internal", "it was read"),
    });
    const signal = new AbortController().signal;
    await expect(loadPlain(snapshot, { folder: "app", exclude: [], at }, sink, signal)).resolves.toEqual([]);
    expect(taken).toEqual([configMap(1).value]);
  });
});
