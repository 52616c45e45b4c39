# The agent: one bundle on Node. Build from the root of the checkout, after `pnpm build`:
#   docker build -f deploy/agent.Dockerfile -t drover/agent:0.1.0 .
FROM node:24.21.0-bookworm-slim
# Owned by root and not writable: the process cannot change what it runs.
COPY dist/agent.mjs /opt/drover/agent.mjs
RUN install -d -o 65532 -g 65532 -m 0700 /var/lib/drover
USER 65532:65532
# One arena for malloc: with one for each of Node's threads it keeps 10 MiB that nobody uses. Fixed thresholds: it would
# learn from large buffers to keep their memory, once they are freed.
ENV NODE_ENV=production \
    MALLOC_ARENA_MAX=1 \
    MALLOC_MMAP_THRESHOLD_=131072 \
    MALLOC_TRIM_THRESHOLD_=131072 \
    DROVER_DATA_DIR=/var/lib/drover
EXPOSE 7476
# The heap stays below the limit of 512 MiB that the manifest sets, so that Node collects before the kernel kills. With
# room for 4 MiB of new objects, which an agent at rest has anyway, it is collected a third as often as Node would begin.
ENTRYPOINT ["node", "--disable-proto=delete", "--max-old-space-size=384", "--min-semi-space-size=4", "/opt/drover/agent.mjs"]
