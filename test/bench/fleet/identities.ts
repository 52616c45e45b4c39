import { systemClock } from "@drover/shared/clock";
import { loadAuthority } from "@drover/shared/trust/authority";
import { createIdentity, createKeyRequest, type Identity } from "@drover/shared/trust/identity";
import { loadSigningKey } from "@drover/shared/trust/signing-key";

/** Identities of clusters from the keys in the hub's own folder: joining is not what is measured. */
export async function issueIdentities(keys: string, clusters: readonly string[]): Promise<readonly Identity[]> {
  const authority = await loadAuthority(keys, { clock: systemClock });
  const signingKey = await loadSigningKey(keys);
  const trust = { authority: authority.certificate, signingKey: signingKey.publicPem, signingKeyId: signingKey.id };
  const identities: Identity[] = [];
  for (const cluster of clusters) {
    const { csr, privateKey } = await createKeyRequest();
    const certificate = await authority.issueClient(cluster, csr);
    identities.push(createIdentity({ cluster, certificate, ...trust }, privateKey));
  }
  return identities;
}
