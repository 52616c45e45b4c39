import { join } from "node:path";

import { program } from "./programs.ts";
import type { ProcessOptions } from "./rig-process.ts";

/** Where one control plane listens and keeps its files. */
export interface Layout {
  readonly folder: string;
  readonly etcdPort: number;
  readonly etcdPeerPort: number;
  readonly apiPort: number;
  readonly fsync: boolean;
  /** True when a controller-manager will make the token secrets that ServiceAccount admission waits for. */
  readonly controllers: boolean;
  readonly apiServerFlags: readonly string[];
}

const loopback = "127.0.0.1";

export function etcd({ folder, etcdPort, etcdPeerPort, fsync }: Layout): ProcessOptions {
  const client = `http://${loopback}:${etcdPort}`;
  const peer = `http://${loopback}:${etcdPeerPort}`;
  const args = [
    "--name=rig",
    `--data-dir=${folder}/etcd`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=rig=${peer}`,
    "--log-level=warn",
  ];
  if (!fsync) args.push("--unsafe-no-fsync");
  return { name: "etcd", program: program("etcd"), args, folder };
}

export function apiServer(layout: Layout): ProcessOptions {
  const { folder } = layout;
  const args = [
    `--etcd-servers=http://${loopback}:${layout.etcdPort}`,
    `--secure-port=${layout.apiPort}`,
    `--bind-address=${loopback}`,
    `--advertise-address=${loopback}`,
    // A loopback address is no valid endpoint; without this the server retries to publish it for ever.
    "--endpoint-reconciler-type=none",
    `--cert-dir=${folder}/certs`,
    "--service-cluster-ip-range=10.0.0.0/24",
    `--service-account-key-file=${folder}/service-account.pem`,
    `--service-account-signing-key-file=${folder}/service-account.pem`,
    "--service-account-issuer=https://kubernetes.default.svc",
    `--token-auth-file=${folder}/tokens.csv`,
    "--authorization-mode=RBAC",
    "--allow-privileged=true",
    ...layout.apiServerFlags,
  ];
  if (!layout.controllers) args.push("--disable-admission-plugins=ServiceAccount");
  return { name: "kube-apiserver", program: program("kube-apiserver"), args, folder };
}

export function controllerManager({ folder }: Layout): ProcessOptions {
  const args = [
    `--kubeconfig=${folder}/kubeconfig`,
    `--service-account-private-key-file=${folder}/service-account.pem`,
    `--root-ca-file=${folder}/ca.pem`,
    "--leader-elect=false",
    "--port=0",
    "--secure-port=0",
    "--enable-hostpath-provisioner=true",
    // The default of 20 requests a second would make every suite wait for the client's own limiter.
    "--kube-api-qps=500",
    "--kube-api-burst=1000",
  ];
  return { name: "kube-controller-manager", program: program("kube-controller-manager"), args, folder };
}

export function scheduler({ folder }: Layout): ProcessOptions {
  const args = [
    `--kubeconfig=${folder}/kubeconfig`,
    "--leader-elect=false",
    "--port=0",
    "--secure-port=0",
    "--kube-api-qps=500",
  ];
  return { name: "kube-scheduler", program: program("kube-scheduler"), args, folder };
}

/** The node before its kubelet comes: a kubelet that finds a pod CIDR reports ready at once, not after its first 10 s. */
export function nodeObject(number: number): object {
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name: nodeName(number) },
    spec: { podCIDR: `10.244.${number}.0/24` },
  };
}

export function nodeName(number: number): string {
  return `node-${number}`;
}

/**
 * A kubelet whose containers are hollow: pods become ready at once and run nothing. It has a folder of its own, which has
 * to exist: its runtime listens there.
 */
export function hollowKubelet(layout: Layout, number: number, ports: readonly [number, number]): ProcessOptions {
  const name = nodeName(number);
  const args = [
    "--morph=kubelet",
    `--name=${name}`,
    `--kubeconfig=${layout.folder}/kubeconfig`,
    `--kubelet-port=${ports[0]}`,
    `--kubelet-read-only-port=${ports[1]}`,
  ];
  return { name, program: program("kubemark"), args, folder: join(layout.folder, name) };
}
