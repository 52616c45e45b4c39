import "reflect-metadata";
import { createPublicKey, webcrypto, X509Certificate } from "node:crypto";
import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

import {
  BasicConstraintsExtension,
  Pkcs10CertificateRequestGenerator,
  SubjectAlternativeNameExtension,
} from "@peculiar/x509";
import { describe, expect, it, onTestFinished } from "vitest";

import { FakeClock } from "../clock.ts";
import { createAuthority, loadAuthority } from "./authority.ts";
import { clusterOf, generationOf, hubServerName, spkiPin, validityOf } from "./certificate.ts";
import { createIdentity, createKeyRequest } from "./identity.ts";
import { createSigningKey, loadSigningKey } from "./signing-key.ts";

const nowMs = Date.parse("2026-06-01T12:00:00Z");
const clock = new FakeClock(nowMs);
const p256 = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

async function createFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), "drover-trust-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

describe("client certificates", () => {
  it("carry the name that the hub wrote, for 24 h, from five minutes ago", async () => {
    const authority = await createAuthority({ clock });
    const { csr } = await createKeyRequest();
    const certificate = new X509Certificate(await authority.issueClient("dev-1", csr));
    expect(certificate.subject).toBe("CN=dev-1");
    expect(certificate.subjectAltName).toBe("URI:spiffe://drover/cluster/dev-1");
    expect(certificate.keyUsage).toEqual(["1.3.6.1.5.5.7.3.2"]);
    expect(certificate.ca).toBe(false);
    expect(certificate.serialNumber).toMatch(/^010000000001[0-9A-F]{20}$/u);
    expect(validityOf(certificate)).toEqual({ notBeforeMs: nowMs - 300_000, notAfterMs: nowMs + 86_400_000 });
    expect(clusterOf(certificate, new X509Certificate(authority.certificate))).toBe("dev-1");
  });

  it("take nothing but the public key from a request that asks for more", async () => {
    const authority = await createAuthority({ clock });
    const keys = await webcrypto.subtle.generateKey(p256, true, ["sign", "verify"]);
    const request = await Pkcs10CertificateRequestGenerator.create(
      {
        keys,
        signingAlgorithm: p256,
        name: "CN=prod-1, O=system:masters",
        extensions: [
          new BasicConstraintsExtension(true, 2, true),
          new SubjectAlternativeNameExtension([{ type: "url", value: "spiffe://drover/cluster/prod-1" }]),
        ],
      },
      webcrypto,
    );
    const pem = await authority.issueClient("dev-1", new Uint8Array(request.rawData));
    const certificate = new X509Certificate(pem);
    expect(certificate.subject).toBe("CN=dev-1");
    expect(certificate.subjectAltName).toBe("URI:spiffe://drover/cluster/dev-1");
    expect(certificate.ca).toBe(false);
    const spki = Buffer.from(await webcrypto.subtle.exportKey("spki", keys.publicKey));
    expect(certificate.publicKey.equals(createPublicKey({ key: spki, type: "spki", format: "der" }))).toBe(true);
  });

  it("tell the how manieth of their cluster they are, and those of earlier hubs that they do not know", async () => {
    const authority = await createAuthority({ clock });
    const { csr } = await createKeyRequest();
    for (const generation of [1, 255, 65_536, 2 ** 40 - 1]) {
      const pem = await authority.issueClient("dev-1", csr, generation);
      expect(generationOf(new X509Certificate(pem))).toBe(generation);
    }
    const [one, other] = await Promise.all([
      authority.issueClient("dev-1", csr, 1),
      authority.issueClient("dev-1", csr, 1),
    ]);
    expect(new X509Certificate(one).serialNumber).not.toBe(new X509Certificate(other).serialNumber);
    // The server's is as theirs were: 16 random bytes, the first of them 0x40 or more.
    expect(generationOf(new X509Certificate((await authority.issueServer([])).chain))).toBe(0);
  });

  it("are refused for requests that prove no key, other curves, and bytes of any kind", async () => {
    const authority = await createAuthority({ clock });
    const { csr } = await createKeyRequest();
    const tampered = Uint8Array.from(csr);
    tampered[tampered.length - 1] = (tampered.at(-1) ?? 0) ^ 1;
    const p384 = { ...p256, namedCurve: "P-384" };
    const keys = await webcrypto.subtle.generateKey(p384, true, ["sign", "verify"]);
    const otherCurve = await Pkcs10CertificateRequestGenerator.create({ keys, signingAlgorithm: p384 }, webcrypto);
    const hostile = [
      tampered,
      new Uint8Array(otherCurve.rawData),
      new Uint8Array(),
      new Uint8Array(100_000),
      csr.subarray(0, -5),
      Buffer.from("-----BEGIN CERTIFICATE REQUEST-----"),
      Buffer.from([0x30, 0x84, 0xff, 0xff, 0xff, 0xff]),
      Buffer.alloc(8_000, 0x30),
    ];
    for (const bytes of hostile) {
      await expect(authority.issueClient("dev-1", bytes)).rejects.toMatchObject({ code: "join_refused" });
    }
  });

  it.each(["", "Dev", "dev_1", "-dev", "dev-1\nCN=prod-1", "dev,CN=prod", "a".repeat(65), "dev/../prod"])(
    "are not issued to the name %j",
    async (name) => {
      const authority = await createAuthority({ clock });
      const { csr } = await createKeyRequest();
      await expect(authority.issueClient(name, csr)).rejects.toMatchObject({ code: "join_refused" });
    },
  );

  it("name no cluster when another authority signed them, or when they are a server's", async () => {
    const [ours, theirs] = await Promise.all([createAuthority({ clock }), createAuthority({ clock })]);
    const { csr } = await createKeyRequest();
    const foreign = new X509Certificate(await theirs.issueClient("dev-1", csr));
    const root = new X509Certificate(ours.certificate);
    const forged = Buffer.from(new X509Certificate(await ours.issueClient("dev-1", csr)).raw);
    forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1;
    expect(clusterOf(new X509Certificate(forged), root)).toBeUndefined();
    expect(clusterOf(foreign, root)).toBeUndefined();
    expect(clusterOf(new X509Certificate((await ours.issueServer([])).chain), root)).toBeUndefined();
    expect(clusterOf(root, root)).toBeUndefined();
  });
});

describe("server certificates", () => {
  it("carry the fixed name, the addresses, and the authority behind them", async () => {
    const authority = await createAuthority({ clock });
    const { chain } = await authority.issueServer(["10.0.0.1", "hub.example.com", "::1"]);
    const [leaf, root] = chain.split(/(?<=-----END CERTIFICATE-----)\n+/u);
    const names = new X509Certificate(leaf ?? "").subjectAltName ?? "";
    for (const name of [hubServerName, "10.0.0.1", "hub.example.com", "0:0:0:0:0:0:0:1"]) expect(names).toContain(name);
    expect(new X509Certificate(leaf ?? "").keyUsage).toEqual(["1.3.6.1.5.5.7.3.1"]);
    expect(spkiPin(new X509Certificate(root ?? ""))).toBe(authority.pin);
  });
});

describe("an authority on disk", () => {
  it("is the same after a restart, and readable by its owner only", async () => {
    const folder = await createFolder();
    const first = await loadAuthority(folder, { clock });
    const second = await loadAuthority(folder, { clock });
    expect(second.certificate).toBe(first.certificate);
    const { csr } = await createKeyRequest();
    const issued = new X509Certificate(await second.issueClient("dev-1", csr));
    expect(clusterOf(issued, new X509Certificate(first.certificate))).toBe("dev-1");
    for (const file of await readdir(folder)) {
      expect((await stat(path.join(folder, file))).mode & 0o777).toBe(0o600);
    }
  });

  it("is never replaced when its key is missing or another's", async () => {
    const folder = await createFolder();
    const before = await loadAuthority(folder, { clock });
    await writeFile(
      path.join(folder, "authority.key"),
      createSigningKey().privateKey.export({ type: "pkcs8", format: "pem" }),
    );
    await expect(loadAuthority(folder, { clock })).rejects.toMatchObject({ code: "config_invalid" });
    await rm(path.join(folder, "authority.key"));
    await expect(loadAuthority(folder, { clock })).rejects.toMatchObject({ code: "config_invalid" });
    expect(before.pin).toHaveLength(43);
  });

  it("is finished when a crash left only its key", async () => {
    const folder = await createFolder();
    await writeFile(path.join(folder, "authority.key"), "half a key");
    expect((await loadAuthority(folder, { clock })).certificate).toContain("BEGIN CERTIFICATE");
  });
});

describe("a signing key on disk", () => {
  it("is the same after a restart", async () => {
    const folder = await createFolder();
    const first = await loadSigningKey(folder);
    expect((await loadSigningKey(folder)).id).toBe(first.id);
  });

  it("is never replaced when it cannot be read, and not quoted", async () => {
    const folder = await createFolder();
    await writeFile(
      path.join(folder, "signing.key"),
      "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n",
    );
    await expect(loadSigningKey(folder)).rejects.toMatchObject({
      code: "config_invalid",
      message: expect.not.stringContaining("c2VjcmV0"),
    });
  });
});

describe("identities", () => {
  it("are made only of parts that belong together", async () => {
    const authority = await createAuthority({ clock });
    const other = await createAuthority({ clock });
    const request = await createKeyRequest();
    const signing = createSigningKey();
    const response = {
      cluster: "dev-1",
      certificate: await authority.issueClient("dev-1", request.csr),
      authority: authority.certificate,
      signingKey: signing.publicPem,
      signingKeyId: signing.id,
    };
    expect(createIdentity(response, request.privateKey)).toMatchObject(response);
    const wrong = [
      { ...response, cluster: "prod-1" },
      { ...response, authority: other.certificate },
      { ...response, signingKeyId: createSigningKey().id },
      { ...response, certificate: "nonsense" },
    ];
    const refusal = expect.objectContaining({ code: "signature_invalid" });
    for (const parts of wrong) expect(() => createIdentity(parts, request.privateKey)).toThrow(refusal);
    const another = await createKeyRequest();
    expect(() => createIdentity(response, another.privateKey)).toThrow(refusal);
  });
});
