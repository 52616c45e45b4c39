/**
 * A value that does not fit its schema where the whole request depends on it (undeclared field in an applied
 * configuration, two list items with the same key). Kubernetes 1.20 answers 500, newer servers 400 or 422.
 */
export class SchemaError extends Error {
  readonly field: string;

  constructor(options: { field: string; message: string }) {
    super(options.message);
    this.name = "SchemaError";
    this.field = options.field;
  }
}
