/** What one application may come to (security-reliability §1.4). */
export const maxObjects = 5000;
export const maxOutputBytes = 16 * 1024 * 1024;
/** An API server takes 3 MiB in a request and etcd 1.5 MiB in a value. */
export const maxObjectBytes = 1.5 * 1024 * 1024;
