#!/usr/bin/env bash
# Runs every image once, with the flags and environment that the published image of the same name understands, and sees
# that it answers. Prints one line per image; exits 1 at the first that fails, with its log. Removes what it made.
# shellcheck disable=SC2016 # what stands in single quotes is for the shells in the containers
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
net=cdktf-mlops-smoke-$$
work=$(mktemp -d)
chmod 0755 "$work"
declare -A image
while IFS=' ":,' read -r key reference; do
  [[ -z $reference ]] || image[$key]=${reference%\"*}
done < <("$here/build.sh" --print-context | sed -n 's/^  "\([^"]*\)": "\([^"]*\)".*/\1 \2/p')

clean() {
  docker ps -aq --filter "network=$net" | xargs -r docker rm -fv > /dev/null
  docker network rm "$net" > /dev/null 2>&1 || true
  rm -rf "$work"
}
trap clean EXIT
docker network create "$net" > /dev/null

# run KEY [docker's options] [-- arguments]: starts the image under its key's name
run() {
  local key=$1 options=()
  shift
  while [[ $# -gt 0 && $1 != -- ]]; do
    options+=("$1")
    shift
  done
  [[ $# -eq 0 ]] || shift
  docker run -d --name "$net-$key" --network "$net" --network-alias "$key" --volume "$work:/smoke:ro" \
    "${options[@]}" "${image[$key]}" "$@" > /dev/null
}

# expect KEY SECONDS COMMAND...: the command succeeds in the container within so many seconds
expect() {
  local key=$1 limit=$2 begin=$SECONDS
  shift 2
  until docker exec "$net-$key" "$@" > "$work/out" 2>&1; do
    if ((SECONDS - begin > limit)); then
      printf 'not ok %s: %s\n' "$key" "$*" >&2
      cat "$work/out" >&2
      docker logs --tail 10 "$net-$key" >&2
      exit 1
    fi
    sleep 0.5
  done
  printf 'ok %-18s %s (%d s)\n' "$key" "$(tr -s '\n ' ' ' <<< "$*" | cut -c1-72)" "$((SECONDS - begin))"
}

# Succeeds when the page holds the text.
page() {
  expect "$1" 30 sh -c "wget -qO- 'http://127.0.0.1:$2' | grep -q -- '$3'"
}

umask 022
printf 'p%%w/d:@1x' > "$work/database"
for secret in admin session access secret; do
  head -c 18 /dev/urandom | base64 | tr -d '/+=' > "$work/$secret"
done

run busybox -- sleep 600
expect busybox 5 sh -c 'for c in sh cp chown chmod cmp sleep wget mkdir mv; do command -v $c || exit 1; done'

run postgres --user 999:999 -e POSTGRES_USER=mlflow -e POSTGRES_DB=mlflow -e POSTGRES_PASSWORD_FILE=/smoke/database
expect postgres 30 pg_isready -h 127.0.0.1 -U mlflow
run backup --entrypoint sleep -- 600
expect backup 5 sh -c 'pg_dump --version && pg_restore --version && rclone version && mlops-backup --help'
run postgres-exporter -e DATA_SOURCE_URI='postgres:5432/mlflow?sslmode=disable' -e DATA_SOURCE_USER=mlflow \
  -e DATA_SOURCE_PASS_FILE=/smoke/database
page postgres-exporter 9187/metrics 'pg_up 1'

run s3 --entrypoint sh -- -c 'mkdir -p /data/artifacts; export ROOT_ACCESS_KEY=$(cat /smoke/access)
  export ROOT_SECRET_KEY=$(cat /smoke/secret); exec versitygw --port :7070 --health /health posix /data'
page s3 7070/health ''

cat > "$work/haproxy.cfg" << 'CFG'
global
  lua-load /smoke/hello.lua
defaults
  mode http
  timeout client 5s
  timeout server 5s
  timeout connect 5s
frontend http
  bind :8080
  http-request use-service prometheus-exporter if { path /metrics }
  http-request use-service lua.hello
CFG
cat > "$work/hello.lua" << 'LUA'
core.register_service('hello', 'http', function(applet)
  applet:set_status(200)
  applet:start_response()
  applet:send('hello from lua')
end)
LUA
run haproxy -- haproxy -f /smoke/haproxy.cfg
page haproxy 8080/ 'hello from lua'
page haproxy 8080/metrics haproxy_process_uptime_seconds
expect haproxy 5 sh -c '[ "$(id -u):$(id -g)" = 99:99 ]'

cat > "$work/prometheus.yml" << 'YML'
scrape_configs:
  - job_name: itself
    scrape_interval: 1s
    static_configs: [{ targets: ['127.0.0.1:9090'] }]
YML
run prometheus -- --config.file=/smoke/prometheus.yml --storage.tsdb.path=/prometheus --web.enable-lifecycle
page prometheus '9090/api/v1/query?query=up' '"value":\[[0-9.]*,"1"\]'
expect prometheus 5 promtool check config /smoke/prometheus.yml
run alertmanager
page alertmanager 9093/-/healthy OK
expect alertmanager 5 amtool check-config /etc/alertmanager/alertmanager.yml
run node-exporter -- --no-collector.wifi
page node-exporter 9100/metrics node_memory_MemAvailable_bytes
run pushgateway
page pushgateway 9091/-/healthy OK
run blackbox-exporter
page blackbox-exporter '9115/probe?module=http_2xx&target=http://prometheus:9090/-/healthy' 'probe_success 1'
run cadvisor -v /sys:/sys:ro -v /var/run:/var/run:ro -v /var/lib/docker:/var/lib/docker:ro -v /:/rootfs:ro -- \
  --docker_only=true --store_container_labels=false
page cadvisor 8080/metrics "container_memory_usage_bytes{.*name=\"$net-postgres\""
run kube-state-metrics --entrypoint sleep -- 600
expect kube-state-metrics 5 /kube-state-metrics version
run registry
page registry 5000/v2/ ''
run jenkins
page jenkins 8080/login 'It is not Jenkins'
page jenkins 8080/prometheus/ 'stand_in_info{for="jenkins"} 1'
run grafana
page grafana 3000/api/health 'It is not Grafana'
page grafana 3000/metrics 'stand_in_info{for="grafana"} 1'

run mlflow --read-only --tmpfs /tmp -e MLFLOW_DB_HOST=postgres -e MLFLOW_DB_PASSWORD_FILE=/smoke/database \
  -e MLFLOW_AUTH_ADMIN_PASSWORD_FILE=/smoke/admin -e MLFLOW_FLASK_SERVER_SECRET_KEY_FILE=/smoke/session \
  -e MLFLOW_ARTIFACTS_DESTINATION=s3://artifacts -e MLFLOW_S3_ENDPOINT_URL=http://s3:7070 \
  -e AWS_ACCESS_KEY_ID_FILE=/smoke/access -e AWS_SECRET_ACCESS_KEY_FILE=/smoke/secret \
  -e MLFLOW_SERVER_ALLOWED_HOSTS='mlflow:5000,127.0.0.1:5000'
expect mlflow 90 wget -qO- http://127.0.0.1:5000/health
expect mlflow 10 sh -c '! wget -qO- http://127.0.0.1:5000/metrics 2> /dev/null'
expect mlflow 10 sh -c 'wget -qO- --user admin --password "$(cat /smoke/admin)" --auth-no-challenge \
  http://127.0.0.1:5000/metrics | grep mlflow_http_request_total'

run model-runtime -e MLFLOW_TRACKING_URI=http://mlflow:5000 -e MLFLOW_TRACKING_USERNAME=admin -- sleep 600
cat > "$work/train.py" << 'PY'
import os
import pathlib

os.environ['MLFLOW_TRACKING_PASSWORD'] = pathlib.Path('/smoke/admin').read_text().strip()
import mlflow
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

features, labels = load_iris(return_X_y=True, as_frame=True)
model = LogisticRegression(max_iter=500).fit(features, labels)
with mlflow.start_run():
    mlflow.sklearn.log_model(model, name='model', input_example=features[:2], registered_model_name='smoke')
loaded = mlflow.sklearn.load_model('models:/smoke/1')
assert (loaded.predict(features) == model.predict(features)).all()
PY
expect model-runtime 10 python3 -m pip check
expect model-runtime 1 python3 /smoke/train.py
docker exec -d -e MLFLOW_TRACKING_PASSWORD_FILE=/smoke/admin -e MLOPS_MODEL_NAME=smoke \
  -e MLOPS_MODEL_URI=models:/smoke/1 "$net-model-runtime" sh -c 'exec mlops-serve > /proc/1/fd/1 2>&1'
expect model-runtime 60 wget -qO- http://127.0.0.1:8080/v2/models/smoke/ready
expect model-runtime 5 sh -c 'wget -qO- --header "Content-Type: application/json" --post-data "{\"dataframe_split\":
  {\"columns\": [\"sepal length (cm)\", \"sepal width (cm)\", \"petal length (cm)\", \"petal width (cm)\"],
  \"data\": [[5.1, 3.5, 1.4, 0.2]]}}" http://127.0.0.1:8080/invocations | grep predictions'
echo 'all images answer'
