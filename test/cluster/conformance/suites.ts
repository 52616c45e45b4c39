import { accessControl } from "./access-control.ts";
import { admissionWebhooks } from "./admission-webhooks.ts";
import { applyIdentity } from "./apply-identity.ts";
import { applyInput } from "./apply-input.ts";
import { applyOwnership } from "./apply-ownership.ts";
import { apply } from "./apply.ts";
import { customResources } from "./custom-resources.ts";
import { deletion } from "./deletion.ts";
import { discovery } from "./discovery.ts";
import { errors } from "./errors.ts";
import { history } from "./history.ts";
import { kinds } from "./kinds.ts";
import { lists } from "./lists.ts";
import { namespaces } from "./namespaces.ts";
import { objectLife } from "./object-life.ts";
import { patches } from "./patches.ts";
import { subresources } from "./subresources.ts";
import { transport } from "./transport.ts";
import type { Suite } from "./under-test.ts";
import { validation } from "./validation.ts";
import { versions } from "./versions.ts";
import { watches } from "./watches.ts";
import { workloads } from "./workloads.ts";

/** Every topic, by the words its tests are reported under. The one that restarts the real server comes last. */
export const suites: Readonly<Record<string, Suite>> = {
  transport,
  discovery,
  errors,
  "object life": objectLife,
  lists,
  patches,
  "server-side apply": apply,
  "identity in an apply": applyIdentity,
  "manifests as people write them": applyInput,
  "built-in kinds": kinds,
  "ownership of fields": applyOwnership,
  validation,
  subresources,
  deletion,
  watches,
  "access control": accessControl,
  "admission webhooks": admissionWebhooks,
  "custom resources": customResources,
  versions,
  namespaces,
  workloads,
  "forgotten history": history,
};
