package engine

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// fake serves an engine's API on a socket of its own.
func fake(t *testing.T, least, most string, handle http.HandlerFunc) *Client {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "docker.sock")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/version", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]string{"ApiVersion": most, "MinAPIVersion": least})
	})
	mux.HandleFunc("/", handle)
	server := &http.Server{Handler: mux}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	client, err := New("unix://" + socket)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func TestTheVersionOfTheAPIIsOneThatBothKnow(t *testing.T) {
	for _, c := range []struct{ engine, least, most, want string }{
		{"20.10", "1.12", "1.41", "/v1.41/networks/x"},
		{"19.03", "1.12", "1.40", "/v1.40/networks/x"},
		{"28", "1.24", "1.51", "/v1.41/networks/x"},
		{"29", "1.44", "1.52", "/v1.44/networks/x"},
		{"older than minimum versions", "", "1.9", "/v1.9/networks/x"},
	} {
		var asked string
		client := fake(t, c.least, c.most, func(w http.ResponseWriter, q *http.Request) {
			asked = q.URL.Path
			_, _ = w.Write([]byte("{}"))
		})
		if _, err := client.InspectNetwork(context.Background(), "x"); err != nil || asked != c.want {
			t.Errorf("engine %s is asked for %s (%v), wanted %s", c.engine, asked, err, c.want)
		}
	}
}

func TestAnErrorIsTheEnginesOwn(t *testing.T) {
	client := fake(t, "1.12", "1.41", func(w http.ResponseWriter, q *http.Request) {
		if strings.HasSuffix(q.URL.Path, "/missing") {
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write([]byte(`{"message":"network missing not found"}`))
			return
		}
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = w.Write([]byte("no JSON\n"))
	})
	_, err := client.InspectNetwork(context.Background(), "missing")
	if !NotFound(err) || err.Error() != "Error response from daemon: network missing not found" {
		t.Error(err)
	}
	_, err = client.InspectNetwork(context.Background(), "other")
	if NotFound(err) || err.Error() != "Error response from daemon: no JSON" {
		t.Error(err)
	}
}

func TestAPullThatFailsInItsStreamIsAnError(t *testing.T) {
	var query string
	client := fake(t, "1.12", "1.41", func(w http.ResponseWriter, q *http.Request) {
		query = q.URL.RawQuery
		_, _ = w.Write([]byte("{\"status\":\"Pulling\"}\n{\"error\":\"manifest unknown\"}\n"))
	})
	if err := client.PullImage(context.Background(), "a.example/b"); err == nil || err.Error() != "manifest unknown" {
		t.Error(err)
	}
	if query != "fromImage=a.example%2Fb&tag=latest" {
		t.Error(query)
	}
	_ = client.PullImage(context.Background(), "a.example:5000/b:1")
	if query != "fromImage=a.example%3A5000%2Fb%3A1" {
		t.Error(query)
	}
}

func TestHosts(t *testing.T) {
	for _, host := range []string{"ssh://x", "npipe:////./pipe", "/var/run/docker.sock"} {
		if _, err := New(host); err == nil {
			t.Errorf("%s is accepted", host)
		}
	}
	for host, base := range map[string]string{"": "http://docker", "tcp://10.0.0.1:2375": "http://10.0.0.1:2375"} {
		if c, err := New(host); err != nil || c.base != base {
			t.Errorf("%q: %v", host, err)
		}
	}
}

func TestWhatACreationSends(t *testing.T) {
	var sent map[string]any
	client := fake(t, "1.12", "1.41", func(w http.ResponseWriter, q *http.Request) {
		_ = json.NewDecoder(q.Body).Decode(&sent)
		_, _ = w.Write([]byte(`{"Id":"abc"}`))
	})
	id, err := client.CreateContainer(context.Background(), "a", Config{Image: "i"},
		HostConfig{Resources: Resources{Memory: 5, CPUQuota: 7}, RestartPolicy: RestartPolicy{Name: "no"}})
	if err != nil || id != "abc" {
		t.Fatal(err)
	}
	host, _ := sent["HostConfig"].(map[string]any)
	if sent["Image"] != "i" || host["Memory"] != 5.0 || host["CpuQuota"] != 7.0 {
		t.Errorf("%v", sent)
	}
}
