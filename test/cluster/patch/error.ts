/** A patch that cannot be read (400) or cannot be applied to this document (422). */
export class PatchError extends Error {
  readonly status: 400 | 422;

  constructor(status: 400 | 422, message: string) {
    super(message);
    this.name = "PatchError";
    this.status = status;
  }
}
