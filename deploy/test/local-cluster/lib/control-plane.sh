# etcd, API server, controller manager, scheduler. Sourced by `cluster`; runs inside the network namespace.

certificate() { # certificate NAME SUBJECT SUBJECT-ALTERNATIVE-NAMES: signed by the cluster's CA
    local at=$STATE/pki/$1
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "$2" -keyout "$at.key" -out "$at.csr" 2>/dev/null
    openssl x509 -req -in "$at.csr" -CA "$STATE/pki/ca.crt" -CAkey "$STATE/pki/ca.key" -CAcreateserial -days 30 \
        -extfile <(echo "subjectAltName=$3") -out "$at.crt" 2>/dev/null
}

# identity FILE USER GROUPS: a bearer token for the API server, and a kubeconfig that holds it.
identity() {
    local token
    token=$(openssl rand -hex 20)
    echo "$token,$2,$2,\"$3\"" >>"$STATE/pki/tokens.csv"
    (umask 077 && cat >"$STATE/$1.kubeconfig") <<YAML
apiVersion: v1
kind: Config
current-context: local
contexts: [{name: local, context: {cluster: local, user: local}}]
users: [{name: local, user: {token: $token}}]
clusters:
- name: local
  cluster: {server: "$API_SERVER", certificate-authority-data: $(base64 --wrap=0 "$STATE/pki/ca.crt")}
YAML
}

make_identities() {
    mkdir -p "$STATE/pki"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=local-cluster \
        -keyout "$STATE/pki/ca.key" -out "$STATE/pki/ca.crt" 2>/dev/null
    local name names="IP:$NODE_ADDRESS,IP:$API_SERVICE_ADDRESS,DNS:localhost"
    for name in kubernetes{,.default{,.svc{,.cluster.local}}}; do names+=",DNS:$name"; done
    certificate api-server /CN=kube-apiserver "$names"
    openssl genrsa -out "$STATE/pki/service-accounts.key" 2048 2>/dev/null
    openssl rsa -in "$STATE/pki/service-accounts.key" -pubout -out "$STATE/pki/service-accounts.pub" 2>/dev/null
    (umask 077 && : >"$STATE/pki/tokens.csv")
    identity admin admin system:masters
    identity controller-manager system:kube-controller-manager ''
    identity scheduler system:kube-scheduler ''
    identity kubelet "system:node:$NODE_NAME" system:nodes
    identity kube-proxy system:kube-proxy ''
}

start_control_plane() {
    make_identities
    # What is lost when the machine fails is a test cluster: no fsync.
    spawn etcd etcd --unsafe-no-fsync --data-dir "$STATE/etcd" --log-level warn \
        --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
        --listen-peer-urls http://127.0.0.1:2380
    spawn kube-apiserver kube-apiserver --etcd-servers http://127.0.0.1:2379 \
        --secure-port 6443 --advertise-address "$NODE_ADDRESS" --cert-dir "$STATE/pki/generated" \
        --tls-cert-file "$STATE/pki/api-server.crt" --tls-private-key-file "$STATE/pki/api-server.key" \
        --token-auth-file "$STATE/pki/tokens.csv" --authorization-mode Node,RBAC \
        --service-account-issuer https://kubernetes.default.svc.cluster.local \
        --service-account-key-file "$STATE/pki/service-accounts.pub" \
        --service-account-signing-key-file "$STATE/pki/service-accounts.key" \
        --service-cluster-ip-range "$SERVICE_NETWORK" --allow-privileged \
        --kubelet-preferred-address-types InternalIP
    await 90 kubectl get --raw /readyz
    # The controller manager makes and deletes volumes, folders under /tmp/hostpath_pv.
    spawn kube-controller-manager kube-controller-manager --kubeconfig "$STATE/controller-manager.kubeconfig" \
        --bind-address 127.0.0.1 --cert-dir "$STATE/pki/generated" --leader-elect=false \
        --use-service-account-credentials --root-ca-file "$STATE/pki/ca.crt" \
        --service-account-private-key-file "$STATE/pki/service-accounts.key" \
        --enable-hostpath-provisioner
    # It makes them for root alone, and kubelet does not apply fsGroup to folders of the node; pods are not root.
    spawn open-volumes sh -c 'while sleep 0.2; do chmod --quiet 0777 /tmp/hostpath_pv/*; done'
    spawn kube-scheduler kube-scheduler --kubeconfig "$STATE/scheduler.kubeconfig" \
        --bind-address 127.0.0.1 --cert-dir "$STATE/pki/generated" --leader-elect=false
    await 60 kubectl --namespace default get serviceaccount default
    say "control plane is up"
}

stop_control_plane() {
    end_processes kube-scheduler kube-controller-manager open-volumes kube-apiserver etcd
}
