export const barePath = "/bare.v1.Bare/Connect";

const same = (bytes: Buffer): Buffer => bytes;
export const plainBytes = {
  requestSerialize: same,
  requestDeserialize: same,
  responseSerialize: same,
  responseDeserialize: same,
};

export interface BareServerOrder {
  readonly keys: string;
  readonly count: number;
  readonly rounds: number;
}

export interface BareClientsOrder {
  readonly keys: string;
  readonly count: number;
  readonly port: number;
}

export type BareReport = { readonly port: number } | BareFigures;

export interface BareFigures {
  /** Until all connections were open. */
  readonly connectedMs: number;
  /** Resident memory of the server for each of them. */
  readonly connectionKiB: number;
  /** From the first byte that is sent in a round to each acknowledgement, ms. */
  readonly samples: readonly number[];
}
