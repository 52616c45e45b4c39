import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { Frontier, type Ordered } from "./frontier.ts";

interface Named extends Ordered {
  readonly id: string;
}

/** `Deployment.apps shop/web` and, for a definition, the kind that it defines. */
function item(id: string, defines = ""): Named {
  const [type = "", path = ""] = id.split(" ");
  const [kind = "", ...group] = type.split(".");
  const [name = "", namespace = ""] = path.split("/").toReversed();
  return { id, key: { group: group.join("."), kind, namespace, name }, order: { defines } };
}

const namespace = item("Namespace shop");
const definition = item("CustomResourceDefinition.apiextensions.k8s.io widgets.test", "Widget.test");
const config = item("ConfigMap shop/config");
const web = item("Deployment.apps shop/web");
const otherWeb = item("Deployment.apps other/web");
const widget = item("Widget.test other/widget");
const webhook = item("ValidatingWebhookConfiguration.admissionregistration.k8s.io guard");
const all = [webhook, widget, web, otherWeb, config, definition, namespace];

const ids = (items: readonly Named[]): readonly string[] => items.map(({ id }) => id).toSorted();

describe("the frontier", () => {
  it("starts what needs nothing of the others, and holds back what does", () => {
    const frontier = new Frontier<Named>();
    expect(ids(frontier.add(all))).toEqual([namespace.id]);
    expect(ids(frontier.tried(namespace))).toEqual([definition.id]);
    // A namespace in which nothing waits for anything goes on while another one waits.
    expect(ids(frontier.tried(definition))).toEqual(ids([config, otherWeb]));
    expect(ids(frontier.tried(otherWeb))).toEqual([]);
    expect(ids(frontier.tried(config))).toEqual([web.id]);
  });

  it("holds objects of a kind that is being defined until it is served, and nothing else", () => {
    const frontier = new Frontier<Named>();
    expect(frontier.add([definition, widget])).toEqual([definition]);
    expect(frontier.tried(definition)).toEqual([]);
    expect(frontier.add([web])).toEqual([web]);
    expect(frontier.done(definition)).toEqual([widget]);
  });

  it("case 43: starts admission webhooks when everything else was tried", () => {
    const frontier = new Frontier<Named>();
    expect(frontier.add([webhook, web, otherWeb])).toEqual([web, otherWeb]);
    expect(frontier.tried(web)).toEqual([]);
    expect(frontier.tried(otherWeb)).toEqual([webhook]);
  });

  it("takes an object in once for as long as it is there", () => {
    const frontier = new Frontier<Named>();
    expect(frontier.add([web])).toEqual([web]);
    expect(frontier.add([web])).toEqual([]);
    frontier.tried(web);
    frontier.done(web);
    expect(frontier.size).toBe(0);
    expect(frontier.add([web])).toEqual([web]);
  });

  it("starts everything exactly once, whatever the order of arrivals and answers", () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(all), fc.infiniteStream(fc.nat()), (items, choices) => {
        const frontier = new Frontier<Named>();
        const running: Named[] = [];
        const started: Named[] = [];
        const start = (startable: readonly Named[]): void => {
          running.push(...startable);
          started.push(...startable);
        };
        const waiting = [...items];
        while (waiting.length + running.length > 0) {
          const choice = choices.next().value ?? 0;
          const next = waiting.pop();
          if (next !== undefined && (choice % 2 === 0 || running.length === 0)) start(frontier.add([next]));
          else {
            if (next !== undefined) waiting.push(next);
            const [ended] = running.splice(choice % running.length, 1);
            if (ended === undefined) continue;
            start(frontier.tried(ended));
            start(frontier.done(ended));
          }
        }
        expect(ids(started)).toEqual(ids(items));
        expect(frontier.size).toBe(0);
      }),
    );
  });
});
