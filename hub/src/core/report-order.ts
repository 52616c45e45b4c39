/**
 * Which reports are news. Within one connection the sequence of an agent's reports only goes up, so what is delivered twice,
 * late or out of order says what is over, and must not replace what came after it.
 */
export class ReportOrder {
  /** By cluster and application: the sequence of the newest report of this connection. */
  readonly #newest = new Map<string, Map<string, number>>();

  /** The cluster is connected from now on: its agent may be another process, which counts anew. */
  begin(cluster: string): void {
    this.#newest.set(cluster, new Map());
  }

  end(cluster: string): void {
    this.#newest.delete(cluster);
  }

  /** Whether nothing newer of the application was heard; it counts as heard then. Asked only about known targets. */
  take(
    cluster: string,
    { application, sequence }: { readonly application: string; readonly sequence: number },
  ): boolean {
    const newest = this.#newest.get(cluster);
    if (newest === undefined) return true;
    if (sequence <= (newest.get(application) ?? -1)) return false;
    newest.set(application, sequence);
    return true;
  }
}
