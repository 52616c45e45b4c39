import { rmSync } from "node:fs";

import { generatedFolder, runBuf } from "./buf.ts";

// What was generated from a file that is gone must go, too.
rmSync(generatedFolder, { recursive: true, force: true });
await runBuf(["generate"]);
