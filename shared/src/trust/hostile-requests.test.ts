import "reflect-metadata";
import { generateKeyPairSync, type KeyObject, sign, webcrypto, X509Certificate } from "node:crypto";

import { Pkcs10CertificateRequestGenerator, SubjectAlternativeNameExtension, type JsonName } from "@peculiar/x509";
import { beforeAll, describe, expect, test } from "vitest";

import { FakeClock } from "../clock.ts";
import { createAuthority, type Authority } from "./authority.ts";
import { clusterOf } from "./certificate.ts";
import { createKeyRequest } from "./identity.ts";

const p256 = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
let authority: Authority;
let good: Uint8Array;

beforeAll(async () => {
  authority = await createAuthority({ clock: new FakeClock(Date.parse("2026-06-01T12:00:00Z")) });
  good = (await createKeyRequest()).csr;
});

interface KeyKind {
  readonly name: string;
  readonly namedCurve?: string;
  readonly modulusLength?: number;
  readonly publicExponent?: Uint8Array;
  readonly hash?: string;
}

async function requestBy(algorithm: KeyKind, hash = "SHA-256"): Promise<Uint8Array> {
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"])) as webcrypto.CryptoKeyPair;
  const request = await Pkcs10CertificateRequestGenerator.create(
    { keys, signingAlgorithm: { ...algorithm, hash } },
    webcrypto,
  );
  return new Uint8Array(request.rawData);
}

/** DER, with the shortest length that there is unless told otherwise. */
function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  const length = body.length < 128 ? [body.length] : [0x82, body.length >> 8, body.length & 255];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}

const ecdsaWithSha256 = der(0x30, Buffer.from("06082a8648ce3d040302", "hex"));
const onP256 = Buffer.from("301306072a8648ce3d020106082a8648ce3d030107", "hex");

const pointOf = (key: KeyObject): Buffer => key.export({ type: "spki", format: "der" }).subarray(-65);

interface Forgery {
  readonly version?: number;
  readonly algorithm?: Uint8Array;
  readonly signature?: Uint8Array;
  readonly extra?: readonly Uint8Array[];
}

/** A request that is whole, and signed for real by the key that signs, whatever public key and algorithm it names. */
function forged(
  point: Uint8Array | "its own",
  { version = 0, algorithm = onP256, signature = ecdsaWithSha256, extra = [] }: Forgery = {},
): Buffer {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const named = point === "its own" ? pointOf(publicKey) : point;
  const spki = der(0x30, algorithm, der(0x03, Buffer.from([0]), named));
  const info = der(0x30, der(0x02, Buffer.from([version])), der(0x30), spki, der(0xa0), ...extra);
  return der(0x30, info, signature, der(0x03, Buffer.from([0]), sign("sha256", info, privateKey)));
}

const flipped = (at: number): Uint8Array => {
  const bytes = Uint8Array.from(good);
  const index = Math.floor((good.length - 1) * at);
  bytes[index] = (bytes[index] ?? 0) ^ 0x55;
  return bytes;
};
const pem = (bytes: Uint8Array, label = "CERTIFICATE REQUEST"): Buffer =>
  Buffer.from(`-----BEGIN ${label}-----\n${Buffer.from(bytes).toString("base64")}\n-----END ${label}-----\n`);
const tenths = Array.from({ length: 21 }, (_, index) => index / 21);

/** Each is refused. */
const refused: Readonly<Record<string, () => Uint8Array | Promise<Uint8Array>>> = {
  nothing: () => new Uint8Array(),
  "one byte": () => Buffer.from([0x30]),
  "8 KiB and one byte": () => Buffer.concat([good, Buffer.alloc(8 * 1024 + 1 - good.length)]),
  "1 MiB of zeros": () => new Uint8Array(1024 * 1024),
  "a length of 4 GiB": () => Buffer.from([0x30, 0x84, 0xff, 0xff, 0xff, 0xff]),
  "a length of 2^64": () => Buffer.from([0x30, 0x88, 255, 255, 255, 255, 255, 255, 255, 255]),
  "a length without an end": () => Buffer.from([0x30, 0x80, 0x30, 0x80]),
  "4,000 levels": () => Buffer.alloc(8_000, Buffer.from([0x30, 0x80])),
  "8,000 tags": () => Buffer.alloc(8_000, 0x30),
  "a long tag": () => Buffer.alloc(4_000, 0xbf),
  text: () => Buffer.from("let me in"),
  "the beginning of PEM": () => Buffer.from("-----BEGIN CERTIFICATE REQUEST-----"),
  JSON: () => Buffer.from('{"cluster":"prod-1"}'),
  "a certificate": () => new Uint8Array(new X509Certificate(authority.certificate).raw),
  "a public key": () =>
    generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({ type: "spki", format: "der" }),
  "a private key": () =>
    generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ type: "pkcs8", format: "der" }),
  "a private key in PEM": () =>
    Buffer.from(generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ type: "pkcs8", format: "pem" })),
  "PEM of a certificate": () => Buffer.from(authority.certificate),
  "PEM of nonsense": () => pem(Buffer.alloc(100, 7)),
  "RSA of 2048 bits": () =>
    requestBy({
      name: "RSASSA-PKCS1-v1_5",
      modulusLength: 2048,
      publicExponent: new Uint8Array([1, 0, 1]),
      hash: "SHA-256",
    }),
  "RSA of 1024 bits": () =>
    requestBy({
      name: "RSASSA-PKCS1-v1_5",
      modulusLength: 1024,
      publicExponent: new Uint8Array([1, 0, 1]),
      hash: "SHA-256",
    }),
  "P-384": () => requestBy({ name: "ECDSA", namedCurve: "P-384" }, "SHA-384"),
  "P-521": () => requestBy({ name: "ECDSA", namedCurve: "P-521" }, "SHA-512"),
  Ed25519: () => requestBy({ name: "Ed25519" }),
  "another's public key": () => forged(pointOf(generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey)),
  "a public key of zeros": () => forged(Buffer.concat([Buffer.from([4]), Buffer.alloc(64)])),
  "a point beside the curve": () => forged(Buffer.concat([Buffer.from([4]), Buffer.alloc(64, 0x11)])),
  "the point at infinity": () => forged(Buffer.from([0])),
  "no point": () => forged(new Uint8Array()),
  "a point of 10 bytes": () => forged(Buffer.concat([Buffer.from([4]), Buffer.alloc(9, 1)])),
  "a point of P-384 called P-256": () => forged(Buffer.concat([Buffer.from([4]), Buffer.alloc(96, 1)])),
  "no curve": () => forged("its own", { algorithm: der(0x30, Buffer.from("06072a8648ce3d0201", "hex")) }),
  "a curve of its own": () =>
    forged("its own", {
      algorithm: der(0x30, Buffer.from("06072a8648ce3d0201", "hex"), der(0x30, der(0x02, Buffer.from([1])))),
    }),
  secp256k1: () => forged("its own", { algorithm: Buffer.from("301006072a8648ce3d020106052b8104000a", "hex") }),
  "no algorithm": () => forged("its own", { algorithm: der(0x30) }),
  "a signature by SHA-1": () => forged("its own", { signature: der(0x30, Buffer.from("06072a8648ce3d0401", "hex")) }),
  "a signature by RSA": () => forged("its own", { signature: der(0x30, Buffer.from("06092a864886f70d01010b", "hex")) }),
  "a signature by nothing": () => forged("its own", { signature: der(0x30) }),
  "the signature of another request": async () => {
    const other = (await createKeyRequest()).csr;
    return Buffer.concat([good.subarray(0, -70), other.subarray(-70)]);
  },
  ...Object.fromEntries(
    tenths.map((at) => [`cut after ${Math.round(at * 100)} %`, () => good.subarray(0, Math.floor(good.length * at))]),
  ),
  ...Object.fromEntries(tenths.map((at) => [`a byte changed at ${Math.round(at * 100)} %`, () => flipped(at)])),
};

/** Names and rights that a request asks for, with a key of its own. */
const greedy: readonly JsonName[] = [
  [{ CN: ["prod-1"] }],
  [{ CN: ["dev-1", "prod-1"] }],
  [{ CN: ["prod-1"] }, { CN: ["dev-1"] }],
  [{ CN: ["hub.drover.internal"] }],
  [{ CN: ["system:masters"] }, { O: ["system:masters"] }],
  [{ CN: ["prod-1\u0000.dev-1"] }],
  [{ CN: ["*"] }],
  [{ CN: ["a".repeat(3_000)] }],
  [{ OU: ["spiffe://drover/cluster/prod-1"] }],
  [{ DC: ["drover"] }, { CN: ["\u202eprod-1"] }],
];

test("a request that is put together like this is good as long as nothing about it is wrong", async () => {
  expect(await authority.issueClient("dev-1", forged("its own"))).toContain("BEGIN CERTIFICATE");
});

describe("T23: a request for a certificate", () => {
  test("there are at least 60 hostile ones", () => expect(Object.keys(refused).length).toBeGreaterThanOrEqual(60));

  test.each(Object.keys(refused))("is refused: %s", async (name) => {
    const bytes = (await refused[name]?.()) ?? expect.unreachable();
    await expect(authority.issueClient("dev-1", bytes)).rejects.toMatchObject({ code: "join_refused" });
  });

  test.each([
    ["another version", { version: 9 }],
    ["another key beside its own", { extra: [der(0x30, onP256, der(0x03, Buffer.from([0]), Buffer.alloc(65, 4)))] }],
  ] as const)("is for the key that has signed it, whatever else is in it: %s", async (_what, over) => {
    const request = forged("its own", over);
    const certificate = new X509Certificate(await authority.issueClient("dev-1", request));
    const own = pointOf(certificate.publicKey);
    expect([certificate.subject, request.includes(own)]).toEqual(["CN=dev-1", true]);
  });

  test.each(greedy.map((name) => [JSON.stringify(name).slice(0, 60), name] as const))(
    "speaks for the cluster that the hub has written, whatever it asks for: %s",
    async (_shown, name) => {
      const keys = await webcrypto.subtle.generateKey(p256, true, ["sign", "verify"]);
      const names = ["spiffe://drover/cluster/prod-1", "spiffe://drover/hub", "https://prod-1"];
      const extensions = [
        new SubjectAlternativeNameExtension([
          ...names.map((value) => ({ type: "url", value }) as const),
          { type: "dns", value: "hub.drover.internal" },
        ]),
      ];
      const request = await Pkcs10CertificateRequestGenerator.create(
        { keys, signingAlgorithm: p256, name, extensions },
        webcrypto,
      );
      const issued = new X509Certificate(await authority.issueClient("dev-1", new Uint8Array(request.rawData)));
      expect([issued.subject, issued.subjectAltName, issued.keyUsage, issued.ca]).toEqual([
        "CN=dev-1",
        "URI:spiffe://drover/cluster/dev-1",
        ["1.3.6.1.5.5.7.3.2"],
        false,
      ]);
      expect(clusterOf(issued, new X509Certificate(authority.certificate))).toBe("dev-1");
    },
  );
});
