import { existsSync, globSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

import { isRecord, textAt, type JsonRecord } from "@drover/shared/json";

import type { InstalledPackage, OwnPackage, SupplyChain } from "./supply-chain.ts";

/** Of a checkout in which packages are installed. */
export function readSupplyChain(root: string): SupplyChain {
  return {
    lockfile: readFileSync(join(root, "pnpm-lock.yaml"), "utf8"),
    settings: readFileSync(join(root, "pnpm-workspace.yaml"), "utf8"),
    packages: globSync("{.,*,*/*}/package.json", { cwd: root, exclude: ["**/node_modules"] }).map((file) =>
      readOwn(root, dirname(file)),
    ),
    installed: readInstalled(join(root, "node_modules", ".pnpm")),
    files: readdirSync(root),
  };
}

function readOwn(root: string, folder: string): OwnPackage {
  const readme = join(root, folder, "README.md");
  return {
    folder: relative(root, join(root, folder)) || ".",
    manifest: readManifest(join(root, folder, "package.json")),
    readme: existsSync(readme) ? readFileSync(readme, "utf8") : "",
  };
}

/** pnpm keeps each package under `PACKAGE@VERSION/node_modules/PACKAGE`; what is beside it there are links. */
function readInstalled(store: string): readonly InstalledPackage[] {
  const entries = globSync("*/node_modules/{[!@.]*,@*/*}", { cwd: store, withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => {
      const folder = join(entry.parentPath, entry.name);
      const manifest = readManifest(join(folder, "package.json"));
      return {
        name: textAt(manifest, "name") ?? "",
        version: textAt(manifest, "version") ?? "",
        manifest,
        isNative: existsSync(join(folder, "binding.gyp")),
      };
    });
}

function readManifest(file: string): JsonRecord {
  const manifest: unknown = JSON.parse(readFileSync(file, "utf8"));
  return isRecord(manifest) ? manifest : {};
}
