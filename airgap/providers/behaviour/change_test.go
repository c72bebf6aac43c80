//go:build behaviour

package behaviour

import (
	"strings"
	"testing"
)

func TestAReplacementDestroysFirst(t *testing.T) {
	s := newStack(t).write(one(`env = ["A=1"]`))
	s.apply()
	before := inspect(t, s.name, ".Id")
	s.clear()
	s.write(one(`env = ["A=2"]`))
	s.plans("docker_container.c", "delete,create")
	out := s.apply()
	if gone, made := strings.Index(out, "Destruction complete"), strings.Index(out, "Creating..."); gone < 0 || made < gone {
		t.Errorf("the new container does not wait for the old one to go:\n%s", out)
	}
	if inspect(t, s.name, ".Id") == before {
		t.Error("it is the same container")
	}
	s.clear()
}

func TestCreateBeforeDestroyWorksWhenTheNamesDiffer(t *testing.T) {
	program := func(version string) string {
		return strings.Replace(one(healthy+"\nenv = [\"VERSION="+version+"\"]\nlifecycle { create_before_destroy = true }"),
			`"$"`, `"$-`+version+`"`, 1)
	}
	s := newStack(t).write(program("1"))
	s.apply()
	s.write(program("2"))
	s.plans("docker_container.c", "create,delete")
	out := s.apply()
	made, gone := strings.Index(out, "Creation complete"), strings.Index(out, "Destroying...")
	if made < 0 || gone < made {
		t.Errorf("the old container goes before the new one is healthy:\n%s", out)
	}
	if exists(s.name+"-1") || !exists(s.name+"-2") {
		t.Error("the new container does not take the old one's place")
	}
}

func TestCreateBeforeDestroyUnderOneNameIsAConflict(t *testing.T) {
	program := func(a string) string {
		return one("env = [\"A=" + a + "\"]\nlifecycle { create_before_destroy = true }")
	}
	s := newStack(t).write(program("1"))
	s.apply()
	s.write(program("2"))
	s.applyFails("Unable to create container: Error response from daemon: Conflict.", "is already in use by container")
}

func TestLimitsAndRestartPolicyChangeInPlace(t *testing.T) {
	s := newStack(t).write(one(`
  memory = 64
  memory_swap = 64
  cpu_shares = 512
`))
	s.apply()
	before := inspect(t, s.name, ".Id")
	s.clear()
	s.write(one(`
  memory = 128
  memory_swap = 128
  cpu_shares = 256
  restart = "on-failure"
  max_retry_count = 3
`))
	s.plans("docker_container.c", "update")
	s.apply()
	limits := inspect(t, s.name, ".Id") + " " + inspect(t, s.name, ".HostConfig.Memory") + " " +
		inspect(t, s.name, ".HostConfig.MemorySwap") + " " + inspect(t, s.name, ".HostConfig.CpuShares") + " " +
		inspect(t, s.name, ".HostConfig.RestartPolicy")
	if limits != before+" 134217728 134217728 256 {on-failure 3}" {
		t.Errorf("the engine has %s, before it was %s", limits, before)
	}
	s.clear()
}

func TestCPUQuotaIsUpdatedInPlaceWithoutEffectAndThePlanIsClean(t *testing.T) {
	s := newStack(t).write(one("cpu_period = 100000\ncpu_quota = 50000"))
	s.apply()
	if have := inspect(t, s.name, ".HostConfig.CpuQuota"); have != "50000" {
		t.Errorf("a new container has a quota of %s", have)
	}
	s.write(one("cpu_period = 100000\ncpu_quota = 25000"))
	s.plans("docker_container.c", "update")
	s.apply()
	if have := inspect(t, s.name, ".HostConfig.CpuQuota"); have != "50000" {
		t.Errorf("the quota is now %s", have)
	}
	s.clear()
}

func TestHealthcheckTmpfsAndInitAreUpdatedInPlaceWithoutEffectAndThePlanStaysDirty(t *testing.T) {
	for name, change := range map[string]struct{ before, after string }{
		"healthcheck": {healthy, strings.Replace(healthy, "1s", "2s", 1)},
		"tmpfs":       {`tmpfs = { "/t" = "size=1m" }`, `tmpfs = { "/t" = "size=2m" }`},
		"init":        {`init = false`, `init = true`},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStack(t).write(one(change.before))
			s.apply()
			s.clear()
			before := inspect(t, s.name, "json .")
			s.write(one(change.after))
			s.plans("docker_container.c", "update")
			s.apply()
			if after := inspect(t, s.name, "json ."); configOf(after) != configOf(before) {
				t.Errorf("the engine changed:\n%s\n%s", before, after)
			}
			s.plans("docker_container.c", "update")
		})
	}
}

// configOf leaves out the state, which moves by itself.
func configOf(inspected string) string {
	_, config, _ := strings.Cut(inspected, `"HostConfig"`)
	return config
}

func TestPlansThatNeverComeClean(t *testing.T) {
	container := func(key, attributes string) string {
		return strings.NewReplacer(`"c"`, `"`+key+`"`, `"$"`, `"$-`+key+`"`).Replace(one(attributes))
	}
	s := newStack(t).write(
		container("memory", `memory = 64`) + container("memory_clean", "memory = 64\nmemory_swap = 64") +
			container("duration", strings.Replace(healthy, "1s", "60s", 1)+"\nstart = false\nmust_run = false") +
			container("duration_clean", strings.Replace(healthy, "1s", "1m0s", 1)+"\nstart = false\nmust_run = false") +
			container("capability", `capabilities { add = ["NET_ADMIN"] }`) +
			container("capability_clean", `capabilities { add = ["CAP_NET_ADMIN"] }`) +
			container("device", `devices { host_path = "/dev/null" }`) +
			container("device_clean", `devices {
  host_path      = "/dev/null"
  container_path = "/dev/null"
  permissions    = "rwm"
}`))
	s.apply()
	want := map[string]string{
		"docker_container.memory": "update", "docker_container.duration": "update",
		"docker_container.capability": "delete,create", "docker_container.device": "delete,create",
	}
	for range 2 {
		have := s.plan()
		for address := range have {
			if have[address] != want[address] {
				t.Errorf("%s: the plan is %q, wanted %q", address, have[address], want[address])
			}
		}
		if len(have) != len(want) {
			t.Errorf("the plan is %v, wanted %v", have, want)
		}
		s.apply()
	}
}
