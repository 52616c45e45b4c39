import {
  auditCheckSchema,
  auditEntrySchema,
  auditListSchema,
  canSchema,
  createdTokenSchema,
  createTokenSchema,
  holderSchema,
  tokenSchema,
} from "@drover/shared/api/access";
import { cordonClusterSchema, labelClusterSchema } from "@drover/shared/api/cluster-changes";
import { addCredentialSchema, credentialSchema, replaceCredentialSchema } from "@drover/shared/api/credential";
import { joinClusterSchema, joinedClusterSchema } from "@drover/shared/api/join";
import { backupSchema, confirmRecoverySchema, recoverySchema } from "@drover/shared/api/maintenance";
import { controlRolloutSchema, rolloutSchema } from "@drover/shared/api/rollouts";
import { setSignersSchema } from "@drover/shared/api/signers";
import * as api from "@drover/shared/api/types";
import { setWebhookSchema, sourceWebhookSchema } from "@drover/shared/api/webhook";
import type { FastifyDynamicSwaggerOptions } from "@fastify/swagger";
import type { TSchema } from "typebox";

/** The schemas that get a name in the document; everything else is written out where it is used. */
const named: ReadonlyMap<unknown, string> = new Map<TSchema, string>([
  [auditCheckSchema, "AuditCheck"],
  [auditEntrySchema, "AuditEntry"],
  [auditListSchema, "AuditList"],
  [canSchema, "Can"],
  [createTokenSchema, "CreateToken"],
  [createdTokenSchema, "CreatedToken"],
  [holderSchema, "TokenHolder"],
  [tokenSchema, "Token"],
  [addCredentialSchema, "AddCredential"],
  [api.addSourceSchema, "AddSource"],
  [backupSchema, "Backup"],
  [recoverySchema, "Recovery"],
  [confirmRecoverySchema, "ConfirmRecovery"],
  [api.applicationDetailSchema, "ApplicationDetail"],
  [api.applicationSchema, "Application"],
  [api.clusterSchema, "Cluster"],
  [api.conditionSchema, "Condition"],
  [credentialSchema, "Credential"],
  [api.diffSchema, "Diff"],
  [api.eventListSchema, "EventList"],
  [api.eventSchema, "Event"],
  [joinClusterSchema, "JoinCluster"],
  [joinedClusterSchema, "JoinedCluster"],
  [labelClusterSchema, "LabelCluster"],
  [cordonClusterSchema, "CordonCluster"],
  [api.problemDetailSchema, "ProblemDetail"],
  [api.problemSchema, "Problem"],
  [setSignersSchema, "SetSigners"],
  [replaceCredentialSchema, "ReplaceCredential"],
  [setWebhookSchema, "SetWebhook"],
  [rolloutSchema, "Rollout"],
  [controlRolloutSchema, "ControlRollout"],
  [api.sourceDetailSchema, "SourceDetail"],
  [api.sourceIdentitySchema, "SourceIdentity"],
  [api.sourceSchema, "Source"],
  [sourceWebhookSchema, "SourceWebhook"],
  [api.stateSchema, "State"],
  [api.syncResultSchema, "SyncResult"],
  [api.targetDetailSchema, "TargetDetail"],
  [api.targetSchema, "Target"],
  [api.treeSchema, "Tree"],
  [api.trustSourceSchema, "TrustSource"],
  [api.rbacSchema, "Rbac"],
  [api.versionSchema, "Version"],
]);

const problemResponse = {
  description: "What went wrong, as RFC 9457 says it",
  content: { "application/problem+json": { schema: { $ref: "#/components/schemas/ProblemDetail" } } },
};

/** Settings of @fastify/swagger: OpenAPI 3.1, whose schemas are JSON Schema, so ours go in as they are. */
export function openApiOptions(version: string): FastifyDynamicSwaggerOptions {
  return {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Drover admin API",
        version,
        description:
          "Clusters, applications, targets, sources, credentials and tokens of a hub. Times are ms since the epoch.",
        license: { name: "Apache-2.0", identifier: "Apache-2.0" },
      },
      servers: [{ url: "/" }],
      components: { securitySchemes: { token: { type: "http", scheme: "bearer" } } },
    },
    transform: ({ schema, url }) => ({
      url,
      schema: {
        ...(withRefs(schema) as typeof schema),
        ...(url.startsWith("/api/") ? { security: [{ token: [] }], tags: [url.split("/")[3] ?? "api"] } : {}),
      },
    }),
    transformObject: (document) => {
      if (!("openapiObject" in document)) throw new TypeError("the document is not OpenAPI 3");
      const { openapiObject } = document;
      for (const path of Object.values(openapiObject.paths ?? {})) {
        for (const operation of Object.values(path ?? {})) completeResponses(operation);
      }
      const schemas = Object.fromEntries(
        [...named].map(([schema, name]) => [name, withRefs(schema, { inside: true })] as const),
      );
      return { ...openapiObject, components: { ...openapiObject.components, schemas } } as typeof openapiObject;
    },
  };
}

/** Adds the problem that every operation can answer with, and says something where the plugin has a filler. */
function completeResponses(operation: unknown): void {
  if (!isRecord(operation) || !isRecord(operation["responses"])) return;
  for (const response of Object.values(operation["responses"])) {
    if (isRecord(response) && response["description"] === "Default Response") response["description"] = "Done";
  }
  operation["responses"]["default"] = problemResponse;
}

/** Copies a schema with every named schema in it replaced by a reference; `inside` keeps the outermost one. */
function withRefs(value: unknown, options: { readonly inside?: boolean } = {}): unknown {
  const name = named.get(value);
  if (name !== undefined && options.inside !== true) return { $ref: `#/components/schemas/${name}` };
  if (Array.isArray(value)) return value.map((item) => withRefs(item));
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withRefs(inner)]));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
