import { FakeClock } from "@drover/shared/clock";
import { describe, expect, it } from "vitest";

import { createApplicationRecord, createObjectRecord, type ApplicationRecord } from "../core/record.ts";
import type { Context } from "./context.ts";
import { createDispatcher } from "./dispatch.ts";

const digest = `sha256:${"b".repeat(64)}` as const;

/** Hands out one object that was applied before, and turns out to be in order; what is done when that has ended. */
async function handOut(change: (application: ApplicationRecord) => void = () => undefined) {
  const application = { ...createApplicationRecord("shop"), phase: "applied" as const, savedShape: 0 };
  const key = { group: "", kind: "ConfigMap", namespace: "shop", name: "web" };
  const record = { ...createObjectRecord(key, "v1"), desired: digest, applied: digest, placed: true };
  const done: string[] = [];
  const context = {
    clock: new FakeClock(),
    limit: (work: () => Promise<void>) => work(),
    accounts: { kubeFor: () => undefined },
    state: { touch: () => void done.push("kept") },
    wake: () => void done.push("looked at"),
  };
  change(application);
  const dispatcher = createDispatcher({
    context: context as unknown as Context,
    changed: () => void done.push("told"),
  });
  dispatcher.dispatch(application, [record]);
  while (dispatcher.isBusy(application)) await Promise.resolve();
  return done;
}

describe("an application whose drift was repaired", () => {
  it("is told of, and not looked at as a whole when nothing else is to be done about it", async () => {
    expect(await handOut()).toEqual(["kept", "told"]);
  });

  it.each<[string, Parameters<typeof handOut>[0]]>([
    ["was not as assigned before", (application) => (application.phase = "applying")],
    ["has another inventory than the cluster", (application) => (application.shape += 1)],
  ])("is looked at when it %s", async (_, change) => {
    expect(await handOut(change)).toEqual(["looked at"]);
  });
});
