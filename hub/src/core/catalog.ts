import type { Problem } from "@drover/shared/problems";

import type { Application } from "./application.ts";
import type { DeclaredCluster } from "./cluster.ts";
import type { Declaration } from "./declarations.ts";
import type { PackageRef } from "./package.ts";
import { concerns, type Placement } from "./placement.ts";
import type { RolloutStrategy } from "./strategy.ts";

/** What one repository declares at one commit. */
export interface Catalog {
  readonly repository: string;
  readonly commit: string;
  readonly declarations: readonly Declaration[];
  readonly problems: readonly Problem[];
}

/** Every repository's catalog. Answers do not depend on the order in which repositories were read. */
export class Catalogs {
  readonly #byRepository = new Map<string, Catalog>();
  /** Made anew after a change: of each there may be thousands, and each is asked for by its name. */
  #clusters: ReadonlyMap<string, DeclaredCluster> | undefined;
  #applications: ReadonlyMap<string, readonly Application[]> | undefined;
  #allPlacements: readonly Placement[] | undefined;
  /** By the application that they place. */
  readonly #placements = new Map<string, readonly Placement[]>();

  get(repository: string): Catalog | undefined {
    return this.#byRepository.get(repository);
  }

  set(catalog: Catalog): void {
    this.#byRepository.set(catalog.repository, catalog);
    this.#forget();
  }

  delete(repository: string): void {
    this.#byRepository.delete(repository);
    this.#forget();
  }

  /** Names of all declared applications. */
  applicationNames(): readonly string[] {
    return [...this.#applicationsByName().keys()].toSorted();
  }

  /** All declarations of a name: more than one is a conflict, of which the first by repository and file wins. */
  applications(name: string): readonly Application[] {
    return this.#applicationsByName().get(name) ?? [];
  }

  /** What applications name as their source outside of Git, by the application's name. */
  *packages(): Generator<readonly [string, PackageRef]> {
    const seen = new Set<string>();
    for (const { name, source } of this.#all("Application")) {
      // Of several with one name the first holds.
      if (source.package !== undefined && !seen.has(name)) yield [name, source.package];
      seen.add(name);
    }
  }

  placementsOf(name: string): readonly Placement[] {
    const known = this.#placements.get(name);
    if (known !== undefined) return known;
    const { labels } = this.applications(name)[0] ?? { labels: {} };
    this.#allPlacements ??= [...this.#all("Placement")];
    const found = this.#allPlacements.filter((placement) => concerns(placement, { name, labels }));
    this.#placements.set(name, found);
    return found;
  }

  /** Names of all declared strategies. */
  strategyNames(): readonly string[] {
    return [...new Set([...this.#all("RolloutStrategy")].map(({ name }) => name))].toSorted();
  }

  strategy(name: string): RolloutStrategy | undefined {
    // Of several the first by repository and file holds, as for applications.
    return [...this.#all("RolloutStrategy")].find((strategy) => strategy.name === name);
  }

  declaredCluster(name: string): DeclaredCluster | undefined {
    // Of several the first by repository and file holds, as for applications.
    this.#clusters ??= new Map([...this.#all("Cluster")].toReversed().map((cluster) => [cluster.name, cluster]));
    return this.#clusters.get(name);
  }

  #applicationsByName(): ReadonlyMap<string, readonly Application[]> {
    this.#applications ??= Map.groupBy(this.#all("Application"), ({ name }) => name);
    return this.#applications;
  }

  #forget(): void {
    this.#clusters = undefined;
    this.#applications = undefined;
    this.#allPlacements = undefined;
    this.#placements.clear();
  }

  *#all<K extends Declaration["kind"]>(kind: K): Generator<Extract<Declaration, { kind: K }>> {
    for (const repository of [...this.#byRepository.keys()].toSorted()) {
      for (const declaration of this.#byRepository.get(repository)?.declarations ?? []) {
        if (isKind(declaration, kind)) yield declaration;
      }
    }
  }
}

function isKind<K extends Declaration["kind"]>(
  declaration: Declaration,
  kind: K,
): declaration is Extract<Declaration, { kind: K }> {
  return declaration.kind === kind;
}

/** Names of applications that a catalog says anything about, by declaring them or by placing them; `known` are all. */
export function applicationsIn(catalog: Catalog, known: readonly string[]): ReadonlySet<string> {
  const names = new Set<string>();
  for (const declaration of catalog.declarations) {
    if (declaration.kind === "Application") names.add(declaration.name);
    if (declaration.kind !== "Placement") continue;
    for (const name of declaration.applications) names.add(name);
    if (declaration.applicationSelector !== undefined) for (const name of known) names.add(name);
  }
  return names;
}
