package docker

import (
	"slices"
	"strings"
	"testing"

	"airgap.local/cdktf-mlops/providers/internal/prototest"
)

type object = prototest.Object

const sha = "sha256:0000000000000000000000000000000000000000000000000000000000000000"

// base is a container that sets everything, so that each case below changes one thing.
func base() object {
	return object{
		"name": "a", "image": sha, "hostname": "h", "entrypoint": []string{"/e"}, "command": []string{"c"},
		"env": []string{"A=1"}, "user": "1", "working_dir": "/w", "group_add": []string{"5"},
		"restart": "no", "max_retry_count": 0, "memory": 64, "memory_swap": 64, "shm_size": 64,
		"cpu_shares": 512, "cpu_period": 100000, "cpu_quota": 50000,
		"must_run": true, "start": true, "wait": true, "wait_timeout": 60, "destroy_grace_seconds": 5,
		"stop_signal": "SIGTERM", "stop_timeout": 5, "init": false,
		"read_only": false, "tmpfs": object{"/t": "rw"}, "security_opts": []string{"no-new-privileges"},
		"log_driver": "json-file", "log_opts": object{"max-size": "1m"}, "gpus": nil, "pid_mode": nil, "network_mode": "bridge",
		"networks_advanced": []object{{"name": "n", "aliases": []string{"x"}}},
		"ports":             []object{{"internal": 80, "external": 8080, "ip": "127.0.0.1", "protocol": "tcp"}},
		"volumes":           []object{{"volume_name": "v", "container_path": "/v", "read_only": false}},
		"upload":            []object{{"file": "/f", "content": "x"}},
		"healthcheck":       []object{{"test": []string{"CMD", "x"}, "interval": "1s"}},
		"labels":            []object{{"label": "l", "value": "v"}},
		"capabilities":      []object{{"drop": []string{"ALL"}}},
		"devices":           []object{{"host_path": "/dev/null", "container_path": "/dev/n", "permissions": "rwm"}},
		"host":              []object{{"host": "h", "ip": "10.0.0.1"}},
		"ulimit":            []object{{"name": "nofile", "soft": 1, "hard": 2}},
	}
}

func stateOf(config object) object {
	state := object{"id": "abc", "bridge": "", "exit_code": nil, "network_data": []any{}}
	for k, v := range config {
		state[k] = v
	}
	return state
}

func with(config object, key string, value any) object {
	config[key] = value
	return config
}

func TestWhatReplacesAContainer(t *testing.T) {
	server := prototest.New(t, New("0.1.0"))
	for key, value := range map[string]any{
		"name": "b", "image": strings.Replace(sha, "0", "1", 1), "hostname": "i", "entrypoint": []string{"/f"},
		"command": []string{"d"}, "env": []string{"A=2"}, "user": "2", "working_dir": "/x", "group_add": []string{"6"},
		"shm_size": 128, "stop_signal": "SIGINT", "stop_timeout": 6, "read_only": true,
		"security_opts": []string{"seccomp=unconfined"}, "log_driver": "local", "log_opts": object{"max-size": "2m"},
		"gpus": "all", "pid_mode": "host", "network_mode": "host",
		"networks_advanced": []object{{"name": "m"}},
		"ports":             []object{{"internal": 80, "external": 8081, "ip": "127.0.0.1", "protocol": "tcp"}},
		"volumes":           []object{{"volume_name": "v", "container_path": "/v", "read_only": true}},
		"upload":            []object{{"file": "/f", "content": "y"}},
		"labels":            []object{{"label": "l", "value": "w"}},
		"capabilities":      []object{{"drop": []string{"CAP_CHOWN"}}},
		"devices":           []object{},
		"host":              []object{{"host": "h", "ip": "10.0.0.2"}},
		"ulimit":            []object{{"name": "nofile", "soft": 1, "hard": 3}},
	} {
		if replaces, _ := server.Plan("docker_container", stateOf(base()), with(base(), key, value)); !slices.Contains(replaces, key) {
			t.Errorf("a change of %s does not replace: %v", key, replaces)
		}
	}
}

func TestWhatChangesAContainerInPlace(t *testing.T) {
	server := prototest.New(t, New("0.1.0"))
	for key, value := range map[string]any{
		"restart": "always", "max_retry_count": 3, "memory": 128, "memory_swap": 128, "cpu_shares": 256,
		"cpu_period": 50000, "cpu_quota": 25000, "must_run": false, "start": false, "wait": false, "wait_timeout": 5,
		"destroy_grace_seconds": 9, "init": true, "tmpfs": object{"/u": "rw"},
		"healthcheck": []object{{"test": []string{"CMD", "y"}, "interval": "1s"}},
	} {
		if replaces, _ := server.Plan("docker_container", stateOf(base()), with(base(), key, value)); len(replaces) > 0 {
			t.Errorf("a change of %s replaces %v", key, replaces)
		}
	}
}

func TestAnUnchangedContainerIsLeftAlone(t *testing.T) {
	server := prototest.New(t, New("0.1.0"))
	replaces, planned := server.Plan("docker_container", stateOf(base()), base())
	if len(replaces) > 0 || planned["id"] == nil {
		t.Errorf("replaces %v, plans %v", replaces, planned)
	}
}

func TestWhatTheEngineFillsInStaysWhenItIsTakenOutOfTheConfiguration(t *testing.T) {
	server := prototest.New(t, New("0.1.0"))
	for _, key := range []string{"hostname", "entrypoint", "command", "env", "user", "working_dir", "shm_size",
		"stop_signal", "stop_timeout", "init", "security_opts", "log_driver"} {
		config := base()
		delete(config, key)
		if replaces, planned := server.Plan("docker_container", stateOf(base()), config); len(replaces) > 0 || planned[key] == nil {
			t.Errorf("without %s: replaces %v, plans %v", key, replaces, planned[key])
		}
	}
}

func TestDefaultsAreThePublishedOnes(t *testing.T) {
	server := prototest.New(t, New("0.1.0"))
	_, planned := server.Plan("docker_container", nil, object{"name": "a", "image": sha})
	for key, want := range map[string]string{
		"restart": `"no"`, "must_run": `"true"`, "start": `"true"`, "wait": `"false"`, "wait_timeout": `"60"`,
		"read_only": `"false"`, "network_mode": `"bridge"`,
	} {
		if have, _ := planned[key].(string); !strings.Contains(have, want) {
			t.Errorf("%s is %v by default, not %s", key, planned[key], want)
		}
	}
	for _, key := range []string{"memory", "memory_swap", "max_retry_count", "cpu_shares", "tmpfs", "log_opts", "gpus", "group_add"} {
		if planned[key] != nil {
			t.Errorf("%s is %v, not null, when it is not given", key, planned[key])
		}
	}
}

func TestBadValuesAreRefusedAndNotRepeated(t *testing.T) {
	server := prototest.New(t, New("0.1.0"))
	minimal := func() object { return object{"name": "a", "image": sha} }
	for key, value := range map[string]any{
		"restart": "SENTINEL", "memory": -1, "memory_swap": -2, "cpu_shares": -1, "gpus": "SENTINEL",
		"healthcheck":  []object{{"test": []string{"CMD"}, "interval": "SENTINEL"}},
		"upload":       []object{{"file": "/f", "content_base64": "SENTINEL!"}},
		"volumes":      []object{{"host_path": "SENTINEL", "container_path": "/x"}},
		"capabilities": []object{{"drop": []string{"ALL"}}, {"add": []string{"CAP_CHOWN"}}},
	} {
		problems := server.Validate("docker_container", with(minimal(), key, value))
		if len(problems) != 1 || strings.Contains(problems[0], "SENTINEL") {
			t.Errorf("%s: %q", key, problems)
		}
	}
	permissions := []object{{"file": "/f", "content": "x", "permissions": "644"}}
	if problems := server.Validate("docker_container", with(minimal(), "upload", permissions)); len(problems) != 1 {
		t.Errorf("permissions: %q", problems)
	}
	if problems := server.Validate("docker_container", base()); len(problems) != 0 {
		t.Errorf("a container that sets everything: %q", problems)
	}
}
