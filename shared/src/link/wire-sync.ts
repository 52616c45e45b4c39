import * as wire from "@drover/proto/gen/drover/agent/v1/agent";

import { defaultSync, type AdoptPolicy, type DriftMode, type SyncOptions } from "../sync-options.ts";

const adoptToWire: Readonly<Record<AdoptPolicy, wire.Adopt>> = {
  never: wire.Adopt.NEVER,
  "if-equal": wire.Adopt.IF_EQUAL,
  always: wire.Adopt.ALWAYS,
};
const driftToWire: Readonly<Record<DriftMode, wire.DriftMode>> = {
  repair: wire.DriftMode.REPAIR,
  strict: wire.DriftMode.STRICT,
  report: wire.DriftMode.REPORT,
};

export function syncToWire(sync: SyncOptions): wire.SyncOptions {
  return {
    adopt: adoptToWire[sync.adopt],
    drift: driftToWire[sync.drift],
    ignore: sync.ignore.map((rule) => ({ ...rule, paths: [...rule.paths], managers: [...rule.managers] })),
    recreate: sync.recreate,
    allOrNothing: sync.allOrNothing,
    gateTimeoutMs: sync.gateTimeoutMs,
    dependsOn: [...sync.dependsOn],
    serviceAccount: sync.serviceAccount,
    healthRules: sync.healthRules.map((rule) => ({ ...rule })),
  };
}

/** A hub of before these options sends none, and one of after may send a policy that is unknown here. */
export function syncFromWire(sync: wire.SyncOptions | undefined): SyncOptions {
  if (sync === undefined) return defaultSync;
  return {
    adopt: adoptFromWire(sync.adopt),
    drift: driftFromWire(sync.drift),
    ignore: sync.ignore,
    recreate: sync.recreate,
    allOrNothing: sync.allOrNothing,
    gateTimeoutMs: sync.gateTimeoutMs === 0 ? defaultSync.gateTimeoutMs : sync.gateTimeoutMs,
    dependsOn: sync.dependsOn,
    serviceAccount: sync.serviceAccount,
    healthRules: sync.healthRules,
  };
}

/** What is not understood must overwrite nothing. */
function adoptFromWire(adopt: wire.Adopt): AdoptPolicy {
  switch (adopt) {
    case wire.Adopt.NEVER:
    case wire.Adopt.UNRECOGNIZED:
      return "never";
    case wire.Adopt.ALWAYS:
      return "always";
    case wire.Adopt.IF_EQUAL:
    case wire.Adopt.UNSPECIFIED:
      return "if-equal";
  }
}

function driftFromWire(drift: wire.DriftMode): DriftMode {
  switch (drift) {
    case wire.DriftMode.REPORT:
    case wire.DriftMode.UNRECOGNIZED:
      return "report";
    case wire.DriftMode.STRICT:
      return "strict";
    case wire.DriftMode.REPAIR:
    case wire.DriftMode.UNSPECIFIED:
      return "repair";
  }
}
