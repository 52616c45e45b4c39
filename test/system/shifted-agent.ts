import "./shifted-clock.ts";

await import("@drover/agent/main");
