import "./shifted-clock.ts";

await import("@drover/hub/main");
