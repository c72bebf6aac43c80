//go:build behaviour

package behaviour

import (
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// death is what the engine tells of the end of a container: the signals it got and its exit code.
func death(t *testing.T, name string, since time.Time) string {
	t.Helper()
	out := docker(t, "events", "--since", since.Format(time.RFC3339Nano), "--until", time.Now().Format(time.RFC3339Nano),
		"--filter", "container="+name, "--format", "{{.Action}}={{.Actor.Attributes.signal}}{{.Actor.Attributes.exitCode}}")
	var told []string
	for _, line := range strings.Fields(strings.ReplaceAll(out, "<no value>", "")) {
		if strings.HasPrefix(line, "kill=") || strings.HasPrefix(line, "die=") {
			told = append(told, line)
		}
	}
	return strings.Join(told, " ")
}

func TestADestroyedContainerIsKilledAtOnceWithoutGrace(t *testing.T) {
	s := newStack(t).write(one("command = [\"linger\", \"3\"]\nstop_timeout = 30"))
	s.apply()
	since := time.Now()
	s.destroy()
	if have := death(t, s.name, since); have != "kill=15 kill=9 die=137" {
		t.Errorf("it ended so: %s", have)
	}
}

func TestADestroyedContainerGetsItsGrace(t *testing.T) {
	s := newStack(t).write(one("command = [\"linger\", \"1\"]\ndestroy_grace_seconds = 20"))
	s.apply()
	since := time.Now()
	s.destroy()
	if have := death(t, s.name, since); have != "kill=15 die=0" {
		t.Errorf("it ended so: %s", have)
	}
}

func TestStopSignalAndStopTimeoutAreHandedToTheEngine(t *testing.T) {
	s := newStack(t).write(one("stop_signal = \"SIGUSR1\"\nstop_timeout = 17\ndestroy_grace_seconds = 10"))
	s.apply()
	if have := inspect(t, s.name, ".Config.StopSignal") + inspect(t, s.name, ".Config.StopTimeout"); have != "SIGUSR117" {
		t.Errorf("the engine has %s", have)
	}
	s.clear()
	since := time.Now()
	s.destroy()
	if have := death(t, s.name, since); have != "kill=10 die=0" {
		t.Errorf("it ended so: %s", have)
	}
}

func TestATaskThatFailsIsASuccessfulApply(t *testing.T) {
	s := newStack(t).write(one("command = [\"exit\", \"3\"]\nmust_run = false"))
	s.apply()
	s.clear()
	if have := inspect(t, s.name, ".State.ExitCode"); have != "3" {
		t.Errorf("it ended with %s", have)
	}
	s.apply()
	if code := s.state("docker_container").Attributes["exit_code"]; code != 3.0 {
		t.Errorf("the state has an exit code of %v", code)
	}
}

func TestWaitBlocksUntilHealthy(t *testing.T) {
	s := newStack(t).write(one(`
  command = ["become", "2"]
  wait    = true
  healthcheck {
    test     = ["CMD", "/probe", "ready", "/healthy"]
    interval = "1s"
    retries  = 30
  }
`))
	s.apply()
	if have := inspect(t, s.name, ".State.Health.Status"); have != "healthy" {
		t.Errorf("it is %s", have)
	}
	s.clear()
}

func TestWhatNeverGetsHealthyFailsAtItsTimeoutAndIsReplaced(t *testing.T) {
	s := newStack(t).write(one(neverHealthy))
	started := time.Now()
	s.applyFails("Error: container failed to be in healthy state")
	if took := time.Since(started); took < 3*time.Second || took > 15*time.Second {
		t.Errorf("it took %s", took)
	}
	s.tainted()
	s.write(one(healthy))
	s.plans("docker_container.c", "delete,create")
	s.apply()
	s.clear()
}

func TestACrashUnderWaitFailsAtTheTimeoutAndLeavesTheContainerForItsLog(t *testing.T) {
	s := newStack(t).write(one("command = [\"exit\", \"1\"]" + neverHealthy))
	s.applyFails("Error: container failed to be in healthy state")
	s.tainted()
	if have := inspect(t, s.name, ".State.ExitCode"); have != "1" {
		t.Errorf("it ended with %s", have)
	}
}

func TestACrashWithoutWaitFailsAndLeavesNothing(t *testing.T) {
	s := newStack(t).write(one(`command = ["exit", "1"]`))
	s.applyFails("Error: container exited immediately")
	if exists(s.name) || s.state("docker_container") != nil {
		t.Error("the container is still there, or in the state")
	}
}

func TestWaitWithoutAHealthcheckIsRefused(t *testing.T) {
	s := newStack(t).write(one(`wait = true`))
	s.applyFails("neither the container nor its image has a healthcheck")
	s.tainted()
}

func TestStartFalseOnlyCreates(t *testing.T) {
	s := newStack(t).write(one("start = false\nmust_run = false"))
	s.apply()
	if have := inspect(t, s.name, ".State.Status"); have != "created" {
		t.Errorf("it is %s", have)
	}
	s.clear()
}

func TestStartFalseAndMustRunIsAContradiction(t *testing.T) {
	s := newStack(t).write(one("start = false"))
	s.applyFails("container failed to be in running state")
	if exists(s.name) {
		t.Error("the container is still there")
	}
}

func TestAKilledApplyLeavesAContainerThatNoStateKnows(t *testing.T) {
	s := newStack(t).write(one(strings.Replace(neverHealthy, "= 3", "= 60", 1)))
	apply, _ := s.background()
	until(t, "the container runs", func() bool { return output("docker", "inspect", "-f", "{{.State.Running}}", s.name) == "true" })
	_ = syscall.Kill(-apply.Process.Pid, syscall.SIGKILL)
	_ = apply.Wait()
	if s.state("docker_container") != nil {
		t.Error("the state knows the container")
	}
	s.write(one(healthy))
	s.applyFails("Unable to create container: Error response from daemon: Conflict.",
		`The container name "/`+s.name+`" is already in use by container`,
		"You have to remove (or rename) that container to be able to reuse that name.")
	docker(t, "rm", "-f", s.name)
	s.apply()
	s.clear()
}

func TestAnInterruptedApplyIsCompletedByTheNext(t *testing.T) {
	s := newStack(t).write(one(strings.Replace(neverHealthy, "= 3", "= 60", 1)))
	apply, out := s.background()
	until(t, "the container runs", func() bool { return output("docker", "inspect", "-f", "{{.State.Running}}", s.name) == "true" })
	started := time.Now()
	_ = apply.Process.Signal(syscall.SIGINT)
	if err := apply.Wait(); err == nil {
		t.Errorf("the interrupted apply succeeds:\n%s", out)
	}
	if took := time.Since(started); took > 20*time.Second {
		t.Errorf("the interrupt took %s", took)
	}
	s.tainted()
	s.write(one(healthy))
	s.apply()
	s.clear()
}

func TestARefreshDeletesAStoppedContainerThatMustRun(t *testing.T) {
	s := newStack(t).write(one(""))
	s.apply()
	docker(t, "stop", "-t", "0", s.name)
	s.plan("-refresh=false")
	if !exists(s.name) {
		t.Fatal("a plan without refresh deletes the container")
	}
	s.plans("docker_container.c", "create")
	if exists(s.name) {
		t.Error("the container is still there after a plan")
	}
	s.apply()
	s.clear()
}

func TestAContainerRemovedByHandIsMadeAnew(t *testing.T) {
	s := newStack(t).write(one(""))
	s.apply()
	docker(t, "rm", "-f", s.name)
	s.plans("docker_container.c", "create")
	s.apply()
	s.clear()
}

func TestAContainerRemovedByHandDuringDestroyIsNoError(t *testing.T) {
	s := newStack(t).write(one(""))
	s.apply()
	docker(t, "rm", "-f", s.name)
	if out, code := s.terraform("destroy", "-auto-approve", "-refresh=false"); code != 0 {
		t.Error(out)
	}
}

func TestAPortInUseIsTheEnginesErrorAndLeavesATaintedContainer(t *testing.T) {
	port := "ports {\n internal = 80\n external = 18931\n ip = \"127.0.0.1\"\n}"
	holder := newStack(t).write(strings.ReplaceAll(one(port), `"$"`, `"$-holder"`))
	holder.apply()
	s := serialStack(t).write(one(port))
	s.applyFails("Unable to start container: Error response from daemon:", "port is already allocated")
	s.tainted()
	holder.destroy()
	s.apply()
	s.clear()
}

func TestTwoStacksApplyAtOnce(t *testing.T) {
	program := `
resource "docker_network" "n" { name = "$-K" }
resource "docker_volume" "v" { name = "$-K" }
resource "docker_container" "c" {
  count   = 3
  name    = "$-K-${count.index}"
  image   = local.image
  command = ["stay"]
  networks_advanced { name = docker_network.n.name }
  volumes {
    volume_name    = docker_volume.v.name
    container_path = "/v"
  }
}
`
	program = strings.ReplaceAll(program, "${", "$${")
	a := newStack(t).write(strings.ReplaceAll(program, "K", "a"))
	b := serialStack(t).write(strings.ReplaceAll(program, "K", "b"))
	applyA, outA := a.background()
	applyB, outB := b.background()
	for cmd, out := range map[*exec.Cmd]interface{ String() string }{applyA: outA, applyB: outB} {
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s:\n%s", err, out)
		}
	}
	a.clear()
	b.clear()
	a.destroy()
	b.destroy()
}

func TestAnEngineThatDoesNotAnswerIsNamed(t *testing.T) {
	s := newStack(t).write("provider \"docker\" { host = \"unix:///nowhere.sock\" }\n" + one(""))
	s.applyFails("Error pinging Docker server: Cannot connect to the Docker daemon at unix:///nowhere.sock.",
		"Is the docker daemon running?")
}
