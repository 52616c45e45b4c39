import { readFile } from "node:fs/promises";

/** Resident memory of a process as the kernel counts it. */
export function residentMiB(pid: number): Promise<number> {
  return statusMiB(pid, "VmRSS");
}

/** The most that it has ever been. */
export function peakMiB(pid: number): Promise<number> {
  return statusMiB(pid, "VmHWM");
}

async function statusMiB(pid: number, field: string): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(new RegExp(`${field}:\\s+(?<kib>\\d+)`, "u").exec(status)?.groups?.["kib"]) / 1024;
}

/** Processor time that a process has used, in ms of one core. */
export async function processorMs(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  // The name in brackets may hold anything; what follows it has fixed places. A tick is 10 ms on Linux.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
