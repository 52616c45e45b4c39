import { bundle } from "./bundle.ts";
import "./shifted-clock.ts";

await import(bundle("hub"));
