# The hub: one bundle on Node. Build from the root of the checkout, after `pnpm build`:
#   docker build -f deploy/hub.Dockerfile -t drover/hub:0.1.0 --build-arg KUSTOMIZE_IMAGE=… --build-arg HELM_IMAGE=… .
# KUSTOMIZE_IMAGE is the Kubernetes project's own kustomize image, 5.7.1, from wherever you keep images; HELM_IMAGE is any
# that has Helm 4 at /usr/bin/helm.
ARG KUSTOMIZE_IMAGE
ARG HELM_IMAGE
FROM ${KUSTOMIZE_IMAGE} AS kustomize
FROM ${HELM_IMAGE} AS helm

FROM node:24.21.0-bookworm-slim
# Kustomizations and charts are rendered by the real programs, so that they come out as everywhere else.
COPY --from=kustomize /app/kustomize /usr/local/bin/kustomize
COPY --from=helm /usr/bin/helm /usr/local/bin/helm
# Owned by root and not writable: the process cannot change what it runs.
COPY dist/hub.mjs /opt/drover/hub.mjs
# For `drover` inside the pod, where the admin token is.
COPY dist/drover.mjs /opt/drover/drover.mjs
RUN install -d -o 65532 -g 65532 -m 0700 /var/lib/drover
USER 65532:65532
# One arena for malloc: with one for each of Node's threads it keeps 10 MiB that nobody uses. Fixed thresholds: it would
# learn from large buffers to keep their memory, once they are freed.
ENV NODE_ENV=production \
    MALLOC_ARENA_MAX=1 \
    MALLOC_MMAP_THRESHOLD_=131072 \
    MALLOC_TRIM_THRESHOLD_=131072 \
    DROVER_DATA_DIR=/var/lib/drover \
    DROVER_API_ADDRESS=0.0.0.0:7474 \
    DROVER_LINK_ADDRESS=0.0.0.0:7475
# The store, the keys of the hub's authority and the admin token: losing it means that every cluster joins again.
VOLUME /var/lib/drover
EXPOSE 7474 7475
# An object's __proto__ can do no harm where it is not there.
ENTRYPOINT ["node", "--disable-proto=delete", "/opt/drover/hub.mjs"]
