import { rmSync } from "node:fs";
import { join } from "node:path";

import { build } from "esbuild";

/** What is shipped: one file for each program. Bundles start faster and need half the memory of the sources. */
const programs = {
  hub: "hub/src/main.ts",
  agent: "agent/src/main.ts",
  drover: "hub/cli/main.ts",
};

const root = join(import.meta.dirname, "..");
const outdir = join(root, "dist");
rmSync(outdir, { recursive: true, force: true });
const result = await build({
  absWorkingDir: root,
  entryPoints: programs,
  outdir,
  outExtension: { ".js": ".mjs" },
  bundle: true,
  splitting: false,
  platform: "node",
  target: "node24",
  format: "esm",
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: "linked",
  sourcemap: "linked",
  metafile: true,
  logLevel: "warning",
  // CommonJS dependencies call require for Node's own modules.
  banner: {
    js: `import { createRequire as drover_createRequire } from "node:module"; const require = drover_createRequire(import.meta.url);`,
  },
});
for (const [file, { bytes }] of Object.entries(result.metafile.outputs)) {
  if (file.endsWith(".mjs")) console.log(`${file}  ${(bytes / 1024).toFixed(0)} KiB`);
}
