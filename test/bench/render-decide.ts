import { place30 } from "./render-input.ts";

/** Run by itself by `render.ts`, and again for each round: works everything out once and prints what that took. */
const { decide, clusters } = place30(Number(process.argv[2]));
const startedAt = performance.now();
const { variants, targets, blobs } = decide();
const tookMs = performance.now() - startedAt;
console.log(
  JSON.stringify({ tookMs, clusters, variants, targets, blobs, maxRssMiB: process.resourceUsage().maxRSS / 1024 }),
);
