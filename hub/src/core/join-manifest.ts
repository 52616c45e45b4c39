/** What a cluster's own join manifest is made of. */
export interface JoinManifestInput {
  readonly cluster: string;
  /** The one-time join token. */
  readonly token: string;
  /** `host:port` that the agent dials. */
  readonly hub: string;
  /** Access to the NATS broker through which the agent reaches the hub; "" or absent = it dials the hub itself. */
  readonly brokerAccess?: string;
  readonly image: string;
  readonly rights: AgentRights;
}

/**
 * What the agent may do in its cluster. `all`: everything that Git may hold, so that every commit can be applied. `least`:
 * what it needs for itself; each application names a service account, and `drover agent rbac` prints what both need.
 */
export type AgentRights = "all" | "least";

/**
 * Everything that makes a cluster join, as one YAML text for `kubectl apply -f -`. Text and not objects, because whoever
 * is to apply it reads it first: every right is explained beside the rule that gives it.
 */
export function joinManifest(input: JoinManifestInput): string {
  const rights = input.rights === "all" ? [clusterRole, clusterRoleBinding] : [leastRole, clusterRoleBinding, ownRole];
  const parts = [namespace, serviceAccount, ...rights, secrets(input), deployment(input)];
  return `${introduction(input)}${parts.map((part) => part.trim()).join("\n---\n")}\n`;
}

/** Any text as YAML: a JSON string is one. */
function quote(text: string): string {
  return JSON.stringify(text);
}

/** The part of `drv1.<id>.<secret>.<pin>` that is no secret. */
function tokenId(token: string): string {
  return token.split(".")[1] ?? "";
}

function introduction({ cluster, hub }: JoinManifestInput): string {
  return `# Joins this cluster to the Drover hub at ${quote(hub)} as ${quote(cluster)}.
# Apply:   kubectl apply -f -
# Remove:  kubectl delete namespace drover-system; kubectl delete clusterrole,clusterrolebinding drover-agent
#          What Drover applied stays.
`;
}

const namespace = `
apiVersion: v1
kind: Namespace
metadata:
  name: drover-system
  labels:
    app.kubernetes.io/part-of: drover
    # The agent needs nothing that the strictest profile forbids.
    pod-security.kubernetes.io/enforce: restricted
`;

const serviceAccount = `
apiVersion: v1
kind: ServiceAccount
metadata:
  name: drover-agent
  namespace: drover-system
  labels:
    app.kubernetes.io/part-of: drover
# Only the agent's pod mounts the token, by its own choice.
automountServiceAccountToken: false
`;

const clusterRole = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: drover-agent
  labels:
    app.kubernetes.io/part-of: drover
rules:
  # Git may hold objects of every kind, also of kinds that the same commit defines, so the kinds cannot be listed here.
  # To allow less, list them: what is missing shows as "forbidden" on the object and stops nothing else.
  - apiGroups: ["*"]
    resources: ["*"]
    verbs:
      # To compare what lives with what Git wants, to see drift at once, and to read health of what was applied.
      - get
      - list
      - watch
      # Server-side apply: a patch, and the right to create when the object is not there yet.
      - create
      - patch
      # To prune what Git dropped. One object at a time, under the precondition that it is the one that was meant.
      - delete
      # Never used by the agent, and no more than patch gives. Kubernetes lets nobody grant a right that he does not
      # hold, and nearly every Role in Git has these two.
      - update
      - deletecollection
  # This is the default because with it every commit can be applied and nothing has to be granted first. An agent that may
  # do much less: drover join NAME --least-privilege
  # Not given: impersonate, escalate, bind, approve, sign, use of host paths, access to the API server's own addresses.
  # A Role in Git that grants more than the above is refused by Kubernetes and shown so. To release such Roles:
  #   kubectl create clusterrolebinding drover-agent-admin \\
  #     --clusterrole=cluster-admin --serviceaccount=drover-system:drover-agent
`;

const leastRole = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: drover-agent
  labels:
    app.kubernetes.io/part-of: drover
rules:
  # The least that an agent works with. It writes nothing that Git holds: for each application it acts as the service
  # account that the application names (sync.serviceAccount). What that account needs, and what the agent needs to act as
  # it and to watch its kinds, is printed by
  #   drover agent rbac APP@CLUSTER
  - apiGroups: [""]
    resources: ["namespaces"]
    # kube-system tells which cluster this is; of the others, that one has come or has gone, which objects wait for.
    verbs: ["get", "list", "watch"]
  - apiGroups: [""]
    resources: ["serviceaccounts"]
    # To see whether an account is there; not to act as it, and not to read its tokens.
    verbs: ["get", "list", "watch"]
  - apiGroups: [""]
    resources: ["nodes"]
    # Counted, and asked for where they run: for people, and for placements that choose by it.
    verbs: ["list"]
  - apiGroups: ["apiextensions.k8s.io"]
    resources: ["customresourcedefinitions"]
    # To go on with what waits for its kind as soon as the kind is there.
    verbs: ["list", "watch"]
`;

const ownRole = `
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: drover-agent
  namespace: drover-system
  labels:
    app.kubernetes.io/part-of: drover
rules:
  # The inventories: what each application owns.
  - apiGroups: [""]
    resources: ["configmaps"]
    verbs: ["get", "list", "create", "patch", "delete"]
  - apiGroups: [""]
    resources: ["secrets"]
    resourceNames: ["drover-agent-identity"]
    verbs: ["get", "patch"]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: drover-agent
  namespace: drover-system
  labels:
    app.kubernetes.io/part-of: drover
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: drover-agent
subjects:
  - kind: ServiceAccount
    name: drover-agent
    namespace: drover-system
`;

const clusterRoleBinding = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: drover-agent
  labels:
    app.kubernetes.io/part-of: drover
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: drover-agent
subjects:
  - kind: ServiceAccount
    name: drover-agent
    namespace: drover-system
`;

function secrets({ token, brokerAccess = "" }: JoinManifestInput): string {
  const broker = brokerAccess === "" ? "" : brokerKey(brokerAccess);
  return `
apiVersion: v1
kind: Secret
metadata:
  name: drover-agent-join
  namespace: drover-system
  labels:
    app.kubernetes.io/part-of: drover
stringData:
  # Works once and not for long. The agent trades it for a certificate; afterwards it is worth nothing.
  token: ${quote(token)}
${broker}---
# The agent keeps its key and certificate here. A join token works once, so they must outlive the pod; a Secret does,
# in every cluster, where a PersistentVolumeClaim would need a storage class, a StatefulSet and a node that can mount it.
# It comes without data, so that applying this manifest again leaves what the agent wrote.
apiVersion: v1
kind: Secret
metadata:
  name: drover-agent-identity
  namespace: drover-system
  labels:
    app.kubernetes.io/part-of: drover
`;
}

function brokerKey(access: string): string {
  return `  # Opens the way through the NATS broker for as long; the agent then gets a user of its own.
  broker: ${quote(access)}
`;
}

function deployment({ cluster, token, ...agent }: JoinManifestInput): string {
  return `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: drover-agent
  namespace: drover-system
  labels:
    app.kubernetes.io/name: drover-agent
    app.kubernetes.io/part-of: drover
  annotations:
    drover.dev/cluster: ${quote(cluster)}
spec:
  replicas: 1
  # One identity, one agent: the old pod ends before the new one begins.
  strategy:
    type: Recreate
  selector:
    matchLabels:
      app.kubernetes.io/name: drover-agent
  template:
    metadata:
      labels:
        app.kubernetes.io/name: drover-agent
        app.kubernetes.io/part-of: drover
      annotations:
        # Another token is another join: the pod is replaced to make use of it.
        drover.dev/join: ${quote(tokenId(token))}
    spec:
      serviceAccountName: drover-agent
      automountServiceAccountToken: true
      # Longer than the agent's own grace for what it is applying.
      terminationGracePeriodSeconds: 30
      securityContext:
        runAsNonRoot: true
        runAsUser: 65532
        runAsGroup: 65532
        fsGroup: 65532
        seccompProfile:
          type: RuntimeDefault
${container(agent)}
      volumes:
        # Accepted assignments and bundles: survives every restart of the container. A pod that is replaced asks the
        # hub again, and prunes nothing until it has been told.
        - name: data
          emptyDir:
            sizeLimit: 512Mi
        - name: temporary
          emptyDir:
            sizeLimit: 64Mi
        # What this cluster lets the agent do, whatever the hub says. Made and changed by people of this cluster; the agent
        # takes no object of its own namespace from the hub. Without it the hub alone decides.
        - name: policy
          configMap:
            name: drover-agent-policy
            optional: true
`;
}

const brokerEnvironment = `            - name: DROVER_LINK
              value: nats
            - name: DROVER_BROKER_ACCESS
              valueFrom:
                secretKeyRef:
                  name: drover-agent-join
                  key: broker
                  optional: true
`;

function container({ hub, image, brokerAccess = "" }: Omit<JoinManifestInput, "cluster" | "token">): string {
  return `
      containers:
        - name: agent
          image: ${quote(image)}
          env:
            - name: DROVER_HUB_ADDRESS
              value: ${quote(hub)}
            - name: DROVER_DATA_DIR
              value: /var/lib/drover
            - name: DROVER_JOIN_TOKEN
              valueFrom:
                secretKeyRef:
                  name: drover-agent-join
                  key: token
                  # May be deleted once the cluster has joined.
                  optional: true
${brokerAccess === "" ? "" : brokerEnvironment}            - name: DROVER_IDENTITY_SECRET
              value: drover-agent-identity
            - name: DROVER_POLICY
              value: /etc/drover/policy.yaml
            - name: DROVER_PROBE_HOST
              value: 0.0.0.0
            - name: DROVER_PROBE_PORT
              value: "7476"
          ports:
            - name: probes
              containerPort: 7476
${probes}
          # Idle with 1,000 objects it takes less than 100 MiB, with 20,000 less than 200 MiB.
          resources:
            requests:
              cpu: 50m
              memory: 128Mi
            limits:
              memory: 512Mi
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities:
              drop: ["ALL"]
          volumeMounts:
            - name: data
              mountPath: /var/lib/drover
            - name: temporary
              mountPath: /tmp
            - name: policy
              mountPath: /etc/drover
              readOnly: true
`
    .trim()
    .replace(/^/u, "      ");
}

const probes = `          # The first start waits for the hub, because it has to join.
          startupProbe:
            httpGet:
              path: /healthz
              port: probes
            periodSeconds: 5
            failureThreshold: 120
          # Only whether the process turns: an agent without its hub is healthy, it goes on healing.
          livenessProbe:
            httpGet:
              path: /healthz
              port: probes
            periodSeconds: 10
            failureThreshold: 6
          readinessProbe:
            httpGet:
              path: /readyz
              port: probes
            periodSeconds: 5`;
