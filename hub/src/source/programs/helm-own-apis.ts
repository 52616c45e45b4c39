import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { listAt } from "@drover/shared/json";

/** What Helm takes a cluster to serve, whatever it is told: `--api-versions` adds to it. */
export interface OwnApis {
  /** Nothing when Helm does not say. `run` renders the chart in the folder `own` of its work folder. */
  of(program: unknown, folder: string, run: () => Promise<Uint8Array | undefined>): Promise<ReadonlySet<string>>;
}

/** Asks each program once, by a chart that prints them. */
export function createOwnApis(): OwnApis {
  let known: { readonly program: string; readonly apis: ReadonlySet<string> } | undefined;
  return {
    async of(program, folder, run) {
      const name = JSON.stringify(program);
      if (known?.program === name) return known.apis;
      await mkdir(join(folder, "templates"), { recursive: true });
      await writeFile(join(folder, "Chart.yaml"), "apiVersion: v2\nname: own\nversion: 0.1.0\n");
      await writeFile(join(folder, "templates", "apis.yaml"), "apis: {{ toJson .Capabilities.APIVersions }}\n");
      const printed = await run();
      if (printed === undefined) return new Set();
      known = { program: name, apis: new Set(readList(new TextDecoder().decode(printed))) };
      return known.apis;
    },
  };
}

function readList(printed: string): readonly string[] {
  const json = /^apis: (?<list>\[.*\])$/mu.exec(printed)?.groups?.["list"] ?? "[]";
  return listAt({ list: JSON.parse(json) as unknown }, "list").filter((name) => typeof name === "string");
}
