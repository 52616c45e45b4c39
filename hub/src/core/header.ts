/** What every declaration has, whatever its kind. */
export interface Header {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** The source that declares it. */
  readonly repository: string;
}
