/** Functions of Helm whose result is another each time, and those that read a map in any order. */
const chance =
  /\b(?:ago|bcrypt|encryptAES|gen(?:CA|PrivateKey|SelfSignedCert|SignedCert)\w*|getHostByName|htpasswd|keys|lookup|now|rand\w+|shuffle|unixEpoch|uuidv4|values)\b/u;
const lookup = /\blookup\s+["`(.$]/u;

export interface TemplateFunctions {
  /** Whether rendering twice may give two results. */
  readonly chance: boolean;
  /** Lines that ask the cluster, which a render has not got. */
  readonly lookups: readonly number[];
}

/** Reads a template action by action, without understanding it: what is in doubt is rendered twice. */
export function findTemplateFunctions(text: string): TemplateFunctions {
  let line = 1;
  let found = false;
  const lookups: number[] = [];
  const [before = "", ...rest] = text.split("{{");
  line += countLines(before);
  for (const piece of rest) {
    const end = piece.indexOf("}}");
    const action = end === -1 ? piece : piece.slice(0, end);
    if (!/^-?\s*\/\*/u.test(action)) {
      found ||= chance.test(action);
      if (lookup.test(action)) lookups.push(line);
    }
    line += countLines(piece);
  }
  return { chance: found, lookups };
}

function countLines(text: string): number {
  let count = 0;
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) count += 1;
  return count;
}

/**
 * What the schema of a chart's values refers to outside itself. Helm would fetch it, from the network or from the hub's
 * own disk. Nothing for what is no JSON: Helm says so better.
 */
export function outerReferences(schema: string): readonly string[] {
  const found = new Set<string>();
  try {
    // The reviver visits every value, however deep, without a stack of our own.
    JSON.parse(schema, (key, value: unknown) => {
      if (typeof value === "string" && /^\$(?:schema|ref|dynamicRef|recursiveRef)$/u.test(key) && isOuter(value)) {
        found.add(value);
      }
      return value;
    });
  } catch {
    return [];
  }
  return [...found];
}

function isOuter(reference: string): boolean {
  // The drafts of JSON schema come with the program.
  return !reference.startsWith("#") && !/^https?:\/\/json-schema\.org\/(?:draft-0[467]|draft\/20)/u.test(reference);
}
