import { quantile, type Figure } from "../report.ts";
import { applyByAgent } from "./contestants.ts";
import { kindAndObject } from "./objects.ts";
import { startStage } from "./stage.ts";

const rounds = 20;

/** A kind and an object of it in one bundle: from handing it to the agent until both are applied. */
export async function measureCustom(): Promise<readonly Figure[]> {
  await using stage = await startStage();
  const samples: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const namespace = `custom-${round}`;
    samples.push((await applyByAgent(stage, namespace, kindAndObject(round, namespace))).appliedMs);
  }
  return [
    {
      name: "custom resource after its CRD, p50 of 20",
      value: quantile(samples, 0.5),
      unit: "ms",
      target: { most: 200 },
    },
    { name: "custom resource after its CRD, worst of 20", value: Math.max(...samples), unit: "ms" },
  ];
}
