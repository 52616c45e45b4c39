import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { mustRun } from "../rig/command.ts";

/** One call of the wire contract, as the `.proto` files have it. */
export interface Rpc {
  /** As in its requests: `/drover.agent.v1.AgentService/Connect`. */
  readonly path: string;
  readonly request: string;
  readonly clientStreaming: boolean;
}

/** A field of a message that holds no message; `path` leads to it: `body.report.application`. */
export interface Leaf {
  readonly path: string;
  readonly kind: "text" | "bytes" | "number";
  /** What it is in of things that exclude each other: `body` is `report`. */
  readonly choices: Readonly<Record<string, string>>;
}

export type Value = string | Uint8Array | bigint;

/** What the `.proto` files say, so that a call or a field that is added is there without anybody naming it. */
export interface WireContract {
  readonly rpcs: readonly Rpc[];
  readonly leavesOf: (message: string) => readonly Leaf[];
  /** A message with these values; fields of which `valueOf` gives none are absent. */
  readonly encode: (message: string, valueOf: (leaf: Leaf) => Value | undefined) => Buffer;
}

/** Of the JSON form of a FileDescriptorSet. */
interface Field {
  readonly name: string;
  readonly number: number;
  readonly type: string;
  readonly typeName?: string;
  readonly oneofIndex?: number;
}
interface Descriptors {
  readonly file: readonly {
    readonly package: string;
    readonly messageType?: readonly { readonly name: string; readonly field?: readonly Field[] }[];
    readonly service?: readonly {
      readonly name: string;
      readonly method: readonly {
        readonly name: string;
        readonly inputType: string;
        readonly clientStreaming?: boolean;
      }[];
    }[];
  }[];
}

const folder = join(import.meta.dirname, "..", "..", "proto");
const buf = join(folder, "..", "node_modules", ".bin", "buf");

export async function readWireContract(): Promise<WireContract> {
  const staging = await mkdtemp(join(tmpdir(), "drover-wire-"));
  const image = join(staging, "image.json");
  await mustRun(buf, ["build", "--output", image], { cwd: folder });
  const { file } = JSON.parse(await readFile(image, "utf8")) as Descriptors;
  await rm(staging, { recursive: true });
  const messages = new Map<string, readonly Field[]>(
    file.flatMap(({ package: name, messageType = [] }) =>
      messageType.map((message) => [`.${name}.${message.name}`, message.field ?? []] as const),
    ),
  );
  const fieldsOf = (message: string): readonly Field[] => {
    const fields = messages.get(message);
    if (fields === undefined) throw new Error(`the wire contract has no message ${message}`);
    return fields;
  };
  const visit = (message: string, before: Pick<Leaf, "path" | "choices">): readonly Visited[] =>
    fieldsOf(message).map((field) => {
      const path = `${before.path}${field.name}`;
      const { oneofIndex } = field;
      const choice = oneofIndex === undefined ? {} : { [`${before.path}${oneofIndex}`]: field.name };
      const choices = { ...before.choices, ...choice };
      if (!isMessage(field)) return { field, leaf: { path, kind: kindOf(field), choices } };
      return { field, nested: visit(field.typeName, { path: `${path}.`, choices }) };
    });
  const root = { path: "", choices: {} };
  const rpcs = file.flatMap(({ package: name, service = [] }) =>
    service.flatMap(({ name: serviceName, method }) =>
      method.map(({ name: methodName, inputType, clientStreaming = false }) => {
        return { path: `/${name}.${serviceName}/${methodName}`, request: inputType, clientStreaming };
      }),
    ),
  );
  return {
    rpcs,
    leavesOf: (message) => leavesIn(visit(message, root)),
    encode: (message, valueOf) => encodeAll(visit(message, root), valueOf),
  };
}

type Visited = { readonly field: Field } & ({ readonly leaf: Leaf } | { readonly nested: readonly Visited[] });

function leavesIn(fields: readonly Visited[]): readonly Leaf[] {
  return fields.flatMap((visited) => ("leaf" in visited ? [visited.leaf] : leavesIn(visited.nested)));
}

function encodeAll(fields: readonly Visited[], valueOf: (leaf: Leaf) => Value | undefined): Buffer {
  return Buffer.concat(
    fields.map((visited) => {
      if ("leaf" in visited) return encodeField(visited.field, valueOf(visited.leaf));
      const nested = encodeAll(visited.nested, valueOf);
      return nested.length === 0 ? nested : encodeField(visited.field, nested);
    }),
  );
}

function isMessage(field: Field): field is Field & { readonly typeName: string } {
  return field.type === "TYPE_MESSAGE";
}

function kindOf({ type }: Field): Leaf["kind"] {
  if (type === "TYPE_STRING") return "text";
  return type === "TYPE_BYTES" ? "bytes" : "number";
}

/** Numbers are varints in this contract; a field of another kind would have to be added here. */
function encodeField({ number, type }: Field, value: Value | undefined): Buffer {
  if (value === undefined) return Buffer.alloc(0);
  if (typeof value === "bigint") {
    if (!/^TYPE_(?:U?INT(?:32|64)|BOOL|ENUM)$/u.test(type)) throw new Error(`no varint: ${type}`);
    return Buffer.concat([varint(BigInt(number) << 3n), varint(value)]);
  }
  const bytes = Buffer.from(value);
  return Buffer.concat([varint((BigInt(number) << 3n) | 2n), varint(BigInt(bytes.length)), bytes]);
}

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  for (let left = value; ; left >>= 7n) {
    if (left < 128n) return Buffer.from([...bytes, Number(left)]);
    bytes.push(Number(left & 127n) | 128);
  }
}
