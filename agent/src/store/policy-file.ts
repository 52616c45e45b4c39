import { decodeYaml } from "@drover/shared/decode";
import { digestOf } from "@drover/shared/digest";
import { durationPattern, parseDuration } from "@drover/shared/duration";
import { DroverError } from "@drover/shared/errors";
import { maxSignatures } from "@drover/shared/link/link";
import { formatProblem } from "@drover/shared/problems";
import { readReleaseKey } from "@drover/shared/trust/release";
import { idOfKey } from "@drover/shared/trust/signing-key";
import { Type, type Static } from "typebox";
import { Value } from "typebox/value";

import { noPolicy, type Policy, type Rule, type SignatureRule } from "../core/policy.ts";

const strict = { additionalProperties: false };
const patterns = Type.Array(Type.String({ minLength: 1, maxLength: 253 }), { maxItems: 1_000 });
const rule = Type.Object({ allow: Type.Optional(patterns), deny: Type.Optional(patterns) }, strict);
const count = Type.Integer({ minimum: 0 });

const policySchema = Type.Object(
  {
    namespaces: Type.Optional(rule),
    kinds: Type.Optional(rule),
    prune: Type.Optional(
      Type.Object(
        {
          objects: Type.Optional(count),
          percent: Type.Optional(Type.Number({ minimum: 0, maximum: 100 })),
          total: Type.Optional(count),
          within: Type.Optional(Type.String({ pattern: durationPattern.source })),
        },
        strict,
      ),
    ),
    signatures: Type.Optional(
      Type.Object(
        {
          required: Type.Integer({ minimum: 1, maximum: maxSignatures }),
          keys: Type.Record(Type.String(), Type.String(), { maxProperties: 1_000 }),
          applications: Type.Optional(patterns),
        },
        strict,
      ),
    ),
    freeze: Type.Optional(Type.Boolean()),
  },
  strict,
);

/**
 * Reads a policy. Throws `config_invalid`, with line and column, for anything that is none: nothing in it is guessed; and
 * `document_invalid` for a key that is none.
 */
export function readPolicy(file: string, bytes: Uint8Array): Policy {
  const { documents, problems } = decodeYaml(file, bytes);
  const [problem] = problems;
  if (problem !== undefined) throw new DroverError("config_invalid", formatProblem(problem));
  const [document, another] = documents;
  if (document === undefined || another !== undefined) {
    throw new DroverError("config_invalid", `${file} has to be one YAML document`);
  }
  const { value } = document;
  if (Value.Check(policySchema, value)) return toPolicy(value, bytes);
  const [error] = Value.Errors(policySchema, value);
  const path = (error?.instancePath ?? "").split("/").slice(1);
  const at = document.positionOf(path.map((step) => (/^\d+$/u.test(step) ? Number(step) : step)));
  const wrong = error?.keyword === "boolean" ? "is not a field of a policy" : (error?.message ?? "is not understood");
  const message = `${path.join(".") || "the policy"} ${wrong}`;
  throw new DroverError("config_invalid", formatProblem({ code: "invalid-policy", severity: "error", message, at }));
}

/** Fewer keys than have to sign would keep everything out for ever. Throws `config_invalid`. */
function toSignatureRule(given: Static<typeof policySchema>["signatures"]): SignatureRule | undefined {
  if (given === undefined) return undefined;
  const { required, keys, applications = ["*"] } = given;
  const different = new Set(Object.values(keys).map((text) => idOfKey(readReleaseKey(text))));
  if (different.size >= required) return { required, keys, applications };
  throw new DroverError("config_invalid", `signatures.required is ${required}, and there are ${different.size} keys`);
}

function toPolicy(
  { namespaces, kinds, prune, signatures, freeze }: Static<typeof policySchema>,
  bytes: Uint8Array,
): Policy {
  const withinMs = parseDuration(prune?.within ?? "") ?? noPolicy.prune.withinMs;
  return {
    digest: digestOf(bytes),
    namespaces: toRule(namespaces),
    kinds: toRule(kinds),
    prune: { objects: prune?.objects, percent: prune?.percent, total: prune?.total, withinMs },
    signatures: toSignatureRule(signatures),
    freeze: freeze ?? false,
    fault: "",
  };
}

function toRule(given: Static<typeof rule> | undefined): Rule {
  return { allow: given?.allow, deny: given?.deny ?? [] };
}
