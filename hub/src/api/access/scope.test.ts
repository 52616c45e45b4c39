import { roles } from "@drover/shared/api/access";
import fc from "fast-check";
import { expect, test } from "vitest";

import { kinds, verbs } from "../../core/access/roles.ts";
import type { Labels } from "../label-selector.ts";
import { MemoryBackend } from "../memory-backend.ts";
import { sampleFleet } from "../sample-fleet.ts";
import { whyNot } from "./guard.ts";
import { nobody } from "./holder.ts";
import { sightOf } from "./sight.ts";

/** One requirement of a scope, as it is written, and what it means in words of its own. */
interface Requirement {
  readonly text: string;
  readonly holds: (labels: Labels) => boolean;
}

const key = fc.constantFrom("env", "tier", "region", "team.example.org/name", "constructor", "toString");
const value = fc.constantFrom("prod", "dev", "gold", "eu-1", "");
const valueOf = (labels: Labels, name: string): string | undefined => new Map(Object.entries(labels)).get(name);
const requirement: fc.Arbitrary<Requirement> = fc.oneof(
  fc
    .tuple(key, value)
    .map(([name, one]) => ({ text: `${name}=${one}`, holds: (of: Labels) => valueOf(of, name) === one })),
  fc
    .tuple(key, value)
    .map(([name, one]) => ({ text: `${name}!=${one}`, holds: (of: Labels) => valueOf(of, name) !== one })),
  key.map((name) => ({ text: name, holds: (of: Labels) => valueOf(of, name) !== undefined })),
  key.map((name) => ({ text: `!${name}`, holds: (of: Labels) => valueOf(of, name) === undefined })),
  fc.tuple(key, fc.uniqueArray(value, { minLength: 1 })).map(([name, some]) => ({
    text: `${name} in (${some.join(",")})`,
    holds: (of: Labels) => some.some((one) => one === valueOf(of, name)),
  })),
);
const labels = fc.dictionary(key, value, { noNullPrototype: true });
const fleet = fc.record({
  labels: fc.array(labels, { minLength: 1, maxLength: 6 }),
  placed: fc.uniqueArray(fc.tuple(fc.nat(2), fc.nat(5)), { selector: String, maxLength: 12 }),
});

/** Clusters of these labels, and applications on some of them. */
function backendOf({
  labels: all,
  placed,
}: {
  readonly labels: readonly Labels[];
  readonly placed: readonly (readonly [number, number])[];
}) {
  const sample = sampleFleet();
  const [cluster, application, target] = [sample.clusters?.[0], sample.applications?.[0], sample.targets?.[0]];
  if (cluster === undefined || application === undefined || target === undefined) throw new Error("no sample");
  const targets = placed.filter(([, at]) => at < all.length);
  return new MemoryBackend({
    clusters: all.map((own, index) => ({ ...cluster, name: `c-${index}`, labels: { ...own } })),
    applications: [0, 1, 2].map((index) => ({ ...application, name: `a-${index}` })),
    targets: targets.map(([app, at]) => ({ ...target, app: `a-${app}`, cluster: `c-${at}` })),
  });
}

test("T22: whoever asks with a scope reaches no cluster and no target outside of it, by no verb and no name", () => {
  const scope = fc.array(requirement, { minLength: 1, maxLength: 3 });
  const held = fc.uniqueArray(fc.constantFrom(...roles), { minLength: 1 });
  const asked = fc.record({ verb: fc.constantFrom(...verbs), kind: fc.constantFrom(...kinds) });
  fc.assert(
    fc.property(fleet, scope, held, fc.array(asked, { maxLength: 20 }), (given, wanted, own, questions) => {
      const backend = backendOf(given);
      const text = wanted.map((one) => one.text).join(",");
      const inside = new Set(
        backend
          .clusters()
          .filter((one) => wanted.every(({ holds }) => holds(one.labels)))
          .map(({ name }) => name),
      );
      const sight = sightOf(backend, text);
      const running = backend.targets().filter(({ cluster }) => inside.has(cluster));
      expect(sight.clusters().map(({ name }) => name)).toEqual([...inside]);
      expect(sight.targets()).toEqual(running);
      const asking = { holder: { ...nobody, name: "ana", roles: own, scope: text }, sight };
      for (const { app, cluster } of backend.targets()) {
        const isSeen = inside.has(cluster);
        expect(sight.target(app, cluster) !== undefined).toBe(isSeen);
        expect(sight.sees({ app, cluster })).toBe(isSeen);
        if (isSeen) continue;
        for (const { verb, kind } of questions) {
          const name = kind === "target" ? `${app}@${cluster}` : kind === "cluster" ? cluster : app;
          // A new cluster is asked about by its labels, which a question has none of.
          const isAbout = kind === "target" || (kind === "cluster" && verb !== "join");
          if (isAbout) expect(mayDo(asking, { verb, kind, name }, backend)).toBe(false);
        }
      }
      const apps = new Set(running.map(({ app }) => app));
      expect(new Set(sight.applications().map(({ name }) => name))).toEqual(apps);
    }),
    { numRuns: 500 },
  );
});

/** Nothing is done, either, to what there is no such verb for. */
function mayDo(
  asking: Parameters<typeof whyNot>[0],
  query: { readonly verb: string; readonly kind: string; readonly name: string },
  backend: MemoryBackend,
): boolean {
  try {
    return whyNot(asking, query, backend).reason === undefined;
  } catch {
    return false;
  }
}
