import { rmSync } from "node:fs";
import { join } from "node:path";

import { build, type Plugin } from "esbuild";

/** What is shipped: one file for each program. Bundles start faster and need half the memory of the sources. */
const programs = {
  hub: "hub/src/main.ts",
  agent: "agent/src/main.ts",
  drover: "hub/cli/main.ts",
};

/**
 * The agent takes only kubeconfig reading from the Kubernetes client library. What that library would make requests with
 * (a generated class for every kind, a second HTTP stack) is 1.5 MB of code and 30 MiB of memory that nobody calls.
 */
const withoutGeneratedClient: Plugin = {
  name: "without-generated-client",
  setup(bundle) {
    // esbuild takes filters as Go expressions, which know no flag u.
    bundle.onResolve({ filter: /^undici$|^\.\/gen\/(index|rxjsStub)\.js$/ }, ({ importer }) =>
      importer.includes("client-node") ? { path: "unused", namespace: "unused" } : undefined,
    );
    bundle.onLoad({ filter: /.*/, namespace: "unused" }, () => ({ contents: unusedParts }));
  },
};
const unusedParts = ["Agent", "ProxyAgent", "createConfiguration", "ServerConfiguration", "of"]
  .map((name) => `export function ${name}() { throw new Error("${name} is not part of this bundle"); }`)
  .join("\n");

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
  plugins: [withoutGeneratedClient],
  logLevel: "warning",
  // CommonJS dependencies call require for Node's own modules, and ask where they lie.
  banner: {
    js: `import { createRequire as drover_createRequire } from "node:module"; const require = drover_createRequire(import.meta.url), __dirname = import.meta.dirname;`,
  },
});
for (const [file, { bytes }] of Object.entries(result.metafile.outputs)) {
  if (file.endsWith(".mjs")) console.log(`${file}  ${(bytes / 1024).toFixed(0)} KiB`);
}
