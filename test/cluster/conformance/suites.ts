import { applyOwnership } from "./apply-ownership.ts";
import { apply } from "./apply.ts";
import { discovery } from "./discovery.ts";
import { errors } from "./errors.ts";
import { lists } from "./lists.ts";
import { objectLife } from "./object-life.ts";
import { patches } from "./patches.ts";
import type { Suite } from "./under-test.ts";

/** Every topic, by the words its tests are reported under. */
export const suites: Readonly<Record<string, Suite>> = {
  discovery,
  errors,
  "object life": objectLife,
  lists,
  patches,
  "server-side apply": apply,
  "ownership of fields": applyOwnership,
};
