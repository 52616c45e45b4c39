import { describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";

import { joinManifest } from "./join-manifest.ts";

const input = {
  cluster: "prod-1",
  token: "drv1.id01.s3cret.pin",
  hub: "hub.example.com:7475",
  image: "drover/agent:1",
  rights: "all" as const,
};

/** The documents as data, as far as these tests look at them. */
interface Document {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly rules?: readonly { readonly verbs: readonly string[] }[];
  readonly stringData?: Readonly<Record<string, string>>;
  readonly data?: unknown;
  readonly spec?: {
    readonly template: { readonly spec: PodSpec; readonly metadata: { readonly annotations: object } };
  };
}

interface PodSpec {
  readonly securityContext: object;
  readonly containers: readonly {
    readonly image: string;
    readonly env: readonly EnvironmentVariable[];
    readonly securityContext: object;
  }[];
  readonly volumes: readonly Readonly<Record<string, unknown>>[];
}

interface EnvironmentVariable {
  readonly name: string;
  readonly value?: string;
}

function documentsOf(text: string): readonly Document[] {
  return parseAllDocuments(text, { strict: true, uniqueKeys: true }).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS() as Document;
  });
}

function find(documents: readonly Document[], kind: string, name: string): Document {
  const document = documents.find((candidate) => candidate.kind === kind && candidate.metadata.name === name);
  if (document === undefined) throw new Error(`no ${kind} ${name}`);
  return document;
}

describe("join manifest", () => {
  const documents = documentsOf(joinManifest(input));
  const pod = find(documents, "Deployment", "drover-agent").spec?.template.spec;

  test("comes in an order that one apply can follow", () => {
    expect(documents.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual([
      "Namespace drover-system",
      "ServiceAccount drover-agent",
      "ClusterRole drover-agent",
      "ClusterRoleBinding drover-agent",
      "Secret drover-agent-join",
      "Secret drover-agent-identity",
      "Deployment drover-agent",
    ]);
  });

  test("gives no right that lets the agent become somebody else", () => {
    const verbs = find(documents, "ClusterRole", "drover-agent").rules?.flatMap((rule) => rule.verbs) ?? [];
    expect(verbs.toSorted()).toEqual([
      "create",
      "delete",
      "deletecollection",
      "get",
      "list",
      "patch",
      "update",
      "watch",
    ]);
  });

  test("holds the token in one Secret and nowhere else", () => {
    expect(find(documents, "Secret", "drover-agent-join").stringData).toEqual({ token: input.token });
    expect(joinManifest(input).split("s3cret")).toHaveLength(2);
  });

  test("brings no data for the identity, so that applying it again keeps what the agent wrote", () => {
    const identity = find(documents, "Secret", "drover-agent-identity");
    expect([identity.data, identity.stringData]).toEqual([undefined, undefined]);
  });

  test("tells of a broker only where there is access to one, and keeps that in the secret that holds the token", () => {
    const text = joinManifest({ ...input, brokerAccess: "drvb1.word" });
    expect(text.split("drvb1.word")).toHaveLength(2);
    expect(find(documentsOf(text), "Secret", "drover-agent-join").stringData?.["broker"]).toBe("drvb1.word");
    expect(text).toContain("DROVER_LINK");
    expect(joinManifest(input)).not.toMatch(/DROVER_LINK|broker/u);
  });

  test("asks for nothing that the restricted profile forbids", () => {
    expect(pod?.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } });
    expect(pod?.containers.map((container) => container.securityContext)).toEqual([
      { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } },
    ]);
    expect(pod?.volumes.flatMap((volume) => Object.keys(volume)).filter((key) => key !== "name")).toEqual([
      "emptyDir",
      "emptyDir",
      "configMap",
    ]);
  });

  test("replaces the pod when the cluster joins again", () => {
    const again = documentsOf(joinManifest({ ...input, token: "drv1.id02.other.pin" }));
    const annotations = (each: readonly Document[]) => find(each, "Deployment", "drover-agent").spec?.template.metadata;
    expect(annotations(again)).not.toEqual(annotations(documents));
  });

  test("keeps hostile names inside their values", () => {
    const hub = 'h"\n---\nkind: ClusterRoleBinding\n# \u2028';
    const hostile = documentsOf(joinManifest({ ...input, hub, image: "a: b", cluster: "c\nd: e" }));
    expect(hostile.map(({ kind }) => kind)).toEqual(documents.map(({ kind }) => kind));
    const container = find(hostile, "Deployment", "drover-agent").spec?.template.spec.containers[0];
    expect(container?.image).toBe("a: b");
    expect(container?.env.find(({ name }) => name === "DROVER_HUB_ADDRESS")?.value).toBe(hub);
  });
});
