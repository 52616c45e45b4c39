import { redactText, type Fingerprint } from "@drover/shared/kube/redact";
import type { AgentLink, AgentMessage, Report } from "@drover/shared/link/link";

/**
 * The link through which no text goes that is secret by its form. What is told of objects quotes no value of theirs; but
 * conditions are written by whatever controllers a cluster has, and those may.
 */
export function withoutSecrets(link: AgentLink, fingerprint: Fingerprint): AgentLink {
  const redact = (text: string): string => (text === "" ? text : redactText(text, fingerprint));
  return {
    run: link.run.bind(link),
    fetchBlobs: link.fetchBlobs.bind(link),
    send: (message) => link.send(redactMessage(message, redact)),
  };
}

function redactMessage(message: AgentMessage, redact: (text: string) => string): AgentMessage {
  switch (message.kind) {
    case "report":
      return { kind: "report", report: redactReport(message.report, redact) };
    case "acknowledgement": {
      const { refusal } = message.acknowledgement;
      if (refusal === undefined) return message;
      const said = { ...refusal, message: redact(refusal.message) };
      return { kind: "acknowledgement", acknowledgement: { ...message.acknowledgement, refusal: said } };
    }
    case "inspection": {
      const { error } = message.inspection;
      if (error === undefined) return message;
      return {
        kind: "inspection",
        inspection: { ...message.inspection, error: { ...error, message: redact(error.message) } },
      };
    }
    case "hello":
      return message;
  }
}

function redactReport(report: Report, redact: (text: string) => string): Report {
  const objects = report.objects.map((object) => {
    const message = redact(object.message);
    return message === object.message ? object : { ...object, message };
  });
  return { ...report, message: redact(report.message), objects };
}
