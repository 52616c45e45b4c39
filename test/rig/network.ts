import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

import { type Direction, dropPacket, narrowQueue, packetProgram } from "./packet-program.ts";
import { type Place, startRelay } from "./relay.ts";
import { temporaryFolder } from "./watchdog.ts";

/** What happens to the packets of TCP of one port; the kernel draws which of them. */
export interface PacketFaults {
  /** Of a hundred packets, so many are dropped. */
  readonly lost?: number;
  /** Only what the port's owner sends, or what is sent to it; default: both. */
  readonly direction?: Direction;
  /** Of a hundred packets, so many wait in a narrow queue, and are overtaken by the others. */
  readonly overtaken?: number;
}

/** A loopback of its own, where programs speak through the kernel's real TCP, and packets can be lost. */
export interface Network extends AsyncDisposable {
  /** The command in front of a program that is to run in it. */
  readonly enter: readonly string[];
  /** Makes a port of a program within reachable from outside, by the same number. */
  letIn(port: number): Promise<void>;
  /** Makes a port outside reachable for programs within, by the same number. */
  letOut(port: number): Promise<void>;
  /** In the place of the faults before; `{}` ends them. */
  setFaults(port: number, faults: PacketFaults): void;
  /** Packets that were dropped, or waited in the narrow queue, so far: whether the faults bit. */
  struck(): { readonly lost: number; readonly overtaken: number };
}

/** Why this machine has no such network; undefined when it has. */
export function networkMissing(): string | undefined {
  const probe = "ip link set lo up && tc qdisc add dev lo clsact && tc qdisc add dev lo root handle 1: htb default 2";
  const bpf = "tc filter add dev lo egress bpf da bytecode '1,6 0 0 0'";
  const { status } = spawnSync("unshare", ["--net", "sh", "-c", `${probe} && ${bpf}`], { stdio: "ignore" });
  return status === 0 ? undefined : "needs root, unshare, iproute2 and a kernel with sch_htb, sch_ingress and cls_bpf";
}

export async function startNetwork(): Promise<Network> {
  await using parts = new AsyncDisposableStack();
  const { path: folder } = parts.use(await temporaryFolder("network"));
  const inside = spawn("unshare", ["--net", process.execPath, join(import.meta.dirname, "network-inside.ts")], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  parts.defer(async () => {
    const ended = once(inside, "exit");
    inside.kill("SIGKILL");
    await ended;
  });
  await once(inside, "message");
  const enter = ["nsenter", `--net=/proc/${inside.pid}/ns/net`];
  const run = (...command: readonly string[]): string => {
    const { status, stdout, stderr } = spawnSync("nsenter", [...enter.slice(1), ...command], { encoding: "utf8" });
    if (status !== 0) throw new Error(`${command.join(" ")}: ${stderr}`);
    return stdout;
  };
  // Packets as on a wire, and not those of 64 KiB that loopback has.
  run("ip", "link", "set", "lo", "up", "mtu", "1500", "gso_max_segs", "1");
  run("tc", "qdisc", "add", "dev", "lo", "clsact");
  run("tc", "qdisc", "add", "dev", "lo", "root", "handle", "1:", "htb", "default", "2", "r2q", "1000");
  run("tc", "class", "add", "dev", "lo", "parent", "1:", "classid", "1:1", "htb", "rate", "2mbit", "burst", "1600");
  run("tc", "class", "add", "dev", "lo", "parent", "1:", "classid", "1:2", "htb", "rate", "10gbit");
  const owned = parts.move();
  const cross = async (port: number, outwards: boolean): Promise<void> => {
    const tcp: Place = { host: "127.0.0.1", port };
    const door: Place = { path: join(folder, String(port)) };
    const listening = once(inside, "message");
    inside.send(outwards ? { from: tcp, to: door } : { from: door, to: tcp });
    await listening;
    owned.use(await startRelay(...((outwards ? [door, tcp] : [tcp, door]) as [Place, Place])));
  };
  return {
    enter,
    letIn: (port) => cross(port, false),
    letOut: (port) => cross(port, true),
    setFaults(port, { lost = 0, overtaken = 0, direction = "both" }) {
      run("tc", "filter", "del", "dev", "lo", "egress");
      run("tc", "filter", "del", "dev", "lo", "parent", "1:");
      const drop = ["bpf", "da", "bytecode", packetProgram({ port, direction, percent: lost, verdict: dropPacket })];
      if (lost > 0) run("tc", "filter", "add", "dev", "lo", "egress", ...drop);
      const wait = ["bpf", "bytecode", packetProgram({ port, direction, percent: overtaken, verdict: narrowQueue })];
      if (overtaken > 0) run("tc", "filter", "add", "dev", "lo", "parent", "1:", ...wait);
    },
    struck() {
      const count = (kind: string, pattern: RegExp): number =>
        Number(pattern.exec(run("tc", "-s", kind, "show", "dev", "lo"))?.groups?.["count"]);
      return {
        lost: count("qdisc", /qdisc clsact[^]*?dropped (?<count>\d+)/u),
        overtaken: count("class", /class htb 1:1 [^]*? (?<count>\d+) pkt/u),
      };
    },
    [Symbol.asyncDispose]: () => owned[Symbol.asyncDispose](),
  };
}
