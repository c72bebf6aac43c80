//go:build behaviour

package behaviour

import (
	"os/exec"
	"path/filepath"
	"testing"
)

func TestDriftOfLimitsAndRestartPolicyIsMendedInPlace(t *testing.T) {
	s := newStack(t).write(one("memory = 64\nmemory_swap = 64\ncpu_shares = 512"))
	s.apply()
	for _, drift := range [][]string{
		{"--memory=96m", "--memory-swap=96m"}, {"--cpu-shares=100"}, {"--restart=always"},
	} {
		docker(t, append(append([]string{"update"}, drift...), s.name)...)
		s.plans("docker_container.c", "update")
		s.apply()
		s.clear()
	}
}

func TestDriftOfTheNameReplaces(t *testing.T) {
	s := newStack(t).write(one(""))
	s.apply()
	docker(t, "rename", s.name, s.name+"-other")
	s.plans("docker_container.c", "delete,create")
	s.apply()
	if exists(s.name + "-other") {
		t.Error("the renamed container is still there")
	}
}

// As published: networks_advanced, volumes, env and labels are never read back.
func TestALostNetworkIsNotSeen(t *testing.T) {
	s := newStack(t).write("resource \"docker_network\" \"n\" { name = \"$\" }\n" +
		one("networks_advanced {\n name = docker_network.n.name\n aliases = [\"db\", \"database\"]\n}"))
	s.apply()
	if have := inspect(t, s.name, "range $k, $v := .NetworkSettings.Networks}}{{$k}}{{end"); have != s.name {
		t.Errorf("it is in %s", have)
	}
	s.clear()
	docker(t, "network", "disconnect", s.name, s.name)
	s.clear()
	docker(t, "network", "connect", s.name, s.name)
	s.destroy()
}

func TestWhatTheImageBringsIsNoChange(t *testing.T) {
	s := newStack(t)
	folder := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", filepath.Join(folder, "probe"), "./probe").CombinedOutput(); err != nil {
		t.Fatalf("%s", out)
	}
	id, err := importImage(folder, s.name+":1", `ENTRYPOINT ["/probe"]`, `CMD ["stay"]`, "ENV FROM_IMAGE=1", "LABEL from=image",
		"USER 1000", "WORKDIR /w", "EXPOSE 80", "VOLUME /anonymous",
		`HEALTHCHECK --interval=1s CMD ["/probe", "true"]`)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = exec.Command("docker", "image", "rm", "-f", s.name+":1").Run() })
	s.write("resource \"docker_container\" \"c\" {\n name = \"$\"\n image = \"" + id + "\"\n wait = true\n env = [\"OWN=1\"]\n" +
		"labels {\n label = \"own\"\n value = \"1\"\n}\n}\n")
	s.apply()
	s.clear()
	s.apply()
	s.clear()
}

func TestAPortThatTheEngineChoseStays(t *testing.T) {
	s := newStack(t).write(one(`
  ports { internal = 90 }
  ports {
    internal = 80
    external = 18932
    ip       = "127.0.0.1"
  }
  ports {
    internal = 80
    external = 18932
    ip       = "127.0.0.1"
    protocol = "udp"
  }
`))
	s.apply()
	s.clear()
	if have := inspect(t, s.name, `index .HostConfig.PortBindings "80/udp"`); have != "[map[HostIp:127.0.0.1 HostPort:18932]]" {
		t.Errorf("it is published as %s", have)
	}
}

func TestAnEndedTaskWithPortsIsReplacedByEveryApply(t *testing.T) {
	s := newStack(t).write(one("command = [\"exit\", \"0\"]\nmust_run = false\nports { internal = 80 }"))
	s.apply()
	s.plans("docker_container.c", "delete,create")
}

func TestNetworksAndVolumesRemovedByHandAreMadeAnew(t *testing.T) {
	s := newStack(t).write("resource \"docker_network\" \"n\" { name = \"$\" }\nresource \"docker_volume\" \"v\" { name = \"$\" }\n")
	s.apply()
	docker(t, "network", "rm", s.name)
	docker(t, "volume", "rm", s.name)
	s.plans("docker_network.n", "create")
	s.plans("docker_volume.v", "create")
	s.apply()
	s.clear()
	s.destroy()
}

func TestANetworkOfATakenNameIsRefused(t *testing.T) {
	s := newStack(t).write("resource \"docker_network\" \"n\" { name = \"$\" }\n")
	docker(t, "network", "create", s.name)
	s.applyFails("Unable to create network: Error response from daemon: network with name " + s.name + " already exists")
}

func TestAVolumeOfATakenNameIsTakenOver(t *testing.T) {
	s := newStack(t).write("resource \"docker_volume\" \"v\" { name = \"$\" }\n")
	docker(t, "volume", "create", s.name)
	s.apply()
	s.clear()
}

func TestAVolumeKeepsItsDataWhenItsContainerIsReplaced(t *testing.T) {
	program := func(a string) string {
		return "resource \"docker_volume\" \"v\" { name = \"$\" }\n" + one("env = [\"A="+a+"\"]\nvolumes {\n volume_name = docker_volume.v.name\n container_path = \"/data\"\n}")
	}
	s := newStack(t).write(program("1"))
	s.apply()
	docker(t, "cp", "stack_test.go", s.name+":/data/kept")
	s.write(program("2"))
	s.apply()
	fileIn(t, s.name, "/data/kept")
	s.destroy()
}
