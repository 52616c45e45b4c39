import type { Content, ObjectName } from "./facts.ts";
import type { Chance } from "./random.ts";
import type { Files } from "./repository.ts";

export const environments = ["dev", "prod"] as const;

interface App {
  /** The clusters with this label get it; "" = all. */
  env: string;
  readonly objects: Map<ObjectName, Content>;
  /** One of its files cannot be read. */
  isBroken: boolean;
}

const appNames = ["api", "cron", "shop", "web"] as const;
const mostObjects = 14;

/** What people have in Git: the files of the next commit, and what clusters are to run of them. */
export class Project {
  readonly apps = new Map<string, App>();
  readonly #chance: Chance;
  #contents = 0;
  #objects = 0;

  constructor(chance: Chance) {
    this.#chance = chance;
    for (const name of appNames.slice(0, chance.between(1, 3))) this.#addApp(name);
  }

  files(): Files {
    const files = new Map([["README.md", "what we run\n"]]);
    for (const [name, { env, objects, isBroken }] of this.apps) {
      files.set(`apps/${name}/drover.yaml`, declare(name, env));
      if (isBroken) files.set(`apps/${name}/broken.yaml`, "kind: [\n");
      for (const [object, content] of objects) {
        files.set(`apps/${name}/${object.replaceAll(/[ /]/gu, "-").toLowerCase()}.yaml`, manifest(object, content));
      }
    }
    return files;
  }

  /** What a cluster with this label is to have, once everything has been confirmed that waits for a person. */
  expected(env: string): ReadonlyMap<ObjectName, Content> {
    const wanted = [...this.apps.values()].filter((app) => app.env === "" || app.env === env);
    return new Map(wanted.flatMap(({ objects }) => [...objects]));
  }

  /** Something that people do to their files; says what. */
  change(): string {
    const name = this.#chance.pick([...this.apps.keys()]);
    const app = name === undefined ? undefined : this.apps.get(name);
    if (name === undefined || app === undefined) return this.addMissingApp();
    return this.#chance.pick(this.#changes)?.(name, app) ?? "changes nothing";
  }

  readonly #changes: readonly ((name: string, app: App) => string)[] = [
    ...Array.from({ length: 4 }, () => (name: string, app: App) => this.#changeObject(name, app)),
    ...Array.from({ length: 2 }, () => (name: string, app: App) => `adds ${this.#addObject(name, app)} to ${name}`),
    ...Array.from({ length: 2 }, () => (name: string, app: App) => this.#removeObject(name, app)),
    (name, { objects }) => {
      for (const one of [...objects.keys()].slice(this.#chance.between(0, 3))) objects.delete(one);
      return `removes most of ${name}`;
    },
    (name, app) => {
      app.env = this.#chance.pick(["", ...environments]) ?? "";
      return `places ${name} on ${app.env || "all"}`;
    },
    (name) => {
      this.apps.delete(name);
      return `removes ${name}`;
    },
    () => this.addMissingApp(),
    (name, app) => {
      app.isBroken = !app.isBroken;
      return `${app.isBroken ? "breaks" : "mends"} ${name}`;
    },
  ];

  #changeObject(name: string, { objects }: App): string {
    const object = this.#chance.pick([...objects.keys()]);
    if (object !== undefined) objects.set(object, this.#newContent());
    return `changes ${object} of ${name}`;
  }

  #removeObject(name: string, { objects }: App): string {
    const object = this.#chance.pick([...objects.keys()]);
    if (object !== undefined) objects.delete(object);
    return `removes ${object} from ${name}`;
  }

  /** What would wait for ever is put right: files that cannot be read, applications of nothing, a repository of nothing. */
  mend(): void {
    if (this.apps.size === 0) this.addMissingApp();
    for (const [name, app] of this.apps) {
      app.isBroken = false;
      if (app.objects.size === 0) this.#addObject(name, app);
    }
  }

  addMissingApp(): string {
    const name = appNames.find((one) => !this.apps.has(one));
    if (name === undefined) return "changes nothing";
    this.#addApp(name);
    return `adds ${name}`;
  }

  #addApp(name: string): void {
    const app: App = { env: this.#chance.pick(["", ...environments]) ?? "", objects: new Map(), isBroken: false };
    this.apps.set(name, app);
    const count = this.#chance.hit(0.2) ? mostObjects : this.#chance.between(1, 3);
    for (let index = 0; index < count; index += 1) this.#addObject(name, app);
  }

  #addObject(name: string, { objects }: App): ObjectName {
    this.#objects += 1;
    const kind = this.#chance.hit(0.2) ? "Service" : "ConfigMap";
    const object = `${kind} default/${name}-${this.#objects}`;
    objects.set(object, this.#newContent());
    return object;
  }

  #newContent(): Content {
    this.#contents += 1;
    return `v${this.#contents}`;
  }
}

function declare(name: string, env: string): string {
  return `apiVersion: drover.dev/v1alpha1
kind: Application
metadata: { name: ${name} }
spec:
  source: { path: apps/${name} }
---
apiVersion: drover.dev/v1alpha1
kind: Placement
metadata: { name: ${name} }
spec:
  applications: [${name}]
  selector: { matchLabels: ${env === "" ? "{}" : `{ env: ${env} }`} }
`;
}

function manifest(object: ObjectName, content: Content): string {
  const [kind = "", place = ""] = object.split(" ");
  const [namespace = "", name = ""] = place.split("/");
  const spec =
    kind === "Service"
      ? `spec: { type: ExternalName, externalName: ${content} }`
      : `data: { content: ${content}, other: same }`;
  return `apiVersion: v1\nkind: ${kind}\nmetadata: { name: ${name}, namespace: ${namespace} }\n${spec}\n`;
}
