import { DroverError } from "@drover/shared/errors";
import { describe, expect, test } from "vitest";

import { readChartIndex } from "./chart-index.ts";

const hex = "0a".repeat(32);
// As helm repo index writes it, with a neighbour whose name begins alike and a text that looks like a key.
const index = `apiVersion: v1
entries:
  web:
  - apiVersion: v2
    created: "2026-01-01T00:00:00Z"
    description: |
      It says

      web:
        nothing
    digest: ${hex}
    name: web
    urls:
    - https://x.org/web-1.1.0.tgz
    version: 1.1.0
  - digest: sha256:${hex}
    urls: [web-1.0.0.tgz]
    version: 1.0.0
  - version: 0.9.0
    urls: []
  - version: 0.8.0
    removed: true
    urls: [a.tgz]
  web-front:
  - version: 3.0.0
    urls: [front.tgz]
generated: "2026-01-01T00:00:00Z"
`;

describe("the index of a chart repository", () => {
  test("gives the versions of one chart that can be fetched", () => {
    const versions = [
      { version: "1.1.0", digest: `sha256:${hex}`, url: "https://x.org/web-1.1.0.tgz" },
      { version: "1.0.0", digest: `sha256:${hex}`, url: "web-1.0.0.tgz" },
    ];
    expect(readChartIndex(index, "web")).toEqual(versions);
    expect(readChartIndex(index.replaceAll("\n", "\r\n"), "web")).toHaveLength(2);
    expect(readChartIndex(index, "web-front")).toEqual([{ version: "3.0.0", digest: "", url: "front.tgz" }]);
    expect(readChartIndex(index, "nothing")).toEqual([]);
    expect(readChartIndex(index, "apiVersion")).toEqual([]);
  });

  test("may be JSON", () => {
    const entries = { web: [{ version: "1.0.0", urls: ["a.tgz"], digest: hex }] };
    expect(readChartIndex(JSON.stringify({ entries }), "web")).toEqual([
      { version: "1.0.0", digest: `sha256:${hex}`, url: "a.tgz" },
    ]);
  });

  test("keeps a digest that is none, so that nobody takes it for an absent one", () => {
    const [entry] = readChartIndex(`entries:\n  a:\n  - { version: 1.0.0, urls: [a.tgz], digest: 123 }\n`, "a");
    expect(entry?.digest).toBe("123");
  });

  test.each(["<html></html>", "{ entries:", "", "entries:\n  a:\n  - version: [\n"])("is refused as %j", (text) => {
    expect(() => readChartIndex(text, "a")).toThrow(DroverError);
  });

  test("of tens of MiB is read for one chart in no time that anybody notices", () => {
    const other = index.slice(index.indexOf("  web:"), index.indexOf("generated"));
    const many = Array.from({ length: 30_000 }, (_, i) => other.replaceAll("web", `chart${i}`)).join("");
    const text = `apiVersion: v1\nentries:\n${many}${other}`;
    expect(text.length).toBeGreaterThan(10 * 1024 * 1024);
    expect(readChartIndex(text, "web")).toHaveLength(2);
    expect(readChartIndex(text, "chart29999")).toHaveLength(2);
  });
});
