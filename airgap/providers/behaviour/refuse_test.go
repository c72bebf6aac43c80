//go:build behaviour

package behaviour

import "testing"

func TestEverythingOutsideTheSubsetIsRefused(t *testing.T) {
	s := newStack(t).write(one(`
  privileged     = true
  cpus           = "0.5"
  remove_volumes = false
  domainname     = "d"
  dns            = ["1.1.1.1"]
  mounts {
    target = "/x"
    type   = "tmpfs"
  }
  volumes {
    from_container = "x"
  }
  upload {
    file   = "/f"
    source = "main.tf"
  }
  healthcheck {
    test           = ["CMD"]
    start_interval = "1s"
  }
  networks_advanced {
    name         = "n"
    ipv4_address = "10.0.0.1"
  }
`) + `
resource "docker_network" "n" {
  name       = "$"
  attachable = true
  ipam_config { subnet = "10.0.0.0/24" }
}
resource "docker_volume" "v" {
  cluster {}
}
resource "docker_image" "i" {
  name     = "x"
  triggers = {}
  build { context = "." }
}
resource "random_password" "p" {
  length = 8
  min_upper = 2
}
resource "docker_service" "s" {}
`)
	out, code := s.terraform("validate")
	if code == 0 {
		t.Fatal("it is valid")
	}
	for _, name := range []string{"privileged", "cpus", "remove_volumes", "domainname", "dns", "from_container", "source",
		"start_interval", "ipv4_address", "attachable", "triggers", "min_upper"} {
		contains(t, out, `An argument named "`+name+`" is not expected here`)
	}
	for _, block := range []string{"mounts", "ipam_config", "cluster", "build"} {
		contains(t, out, `Blocks of type "`+block+`" are not expected here`)
	}
	contains(t, out, `does not support resource type "docker_service"`)
}

func TestAPasswordIsSecretInThePlanAndStaysUntilItsKeepersChange(t *testing.T) {
	program := func(keeper string) string {
		return "resource \"random_password\" \"p\" {\n length = 40\n special = false\n keepers = { v = \"" + keeper + "\" }\n}\n"
	}
	s := newStack(t).write(program("1"))
	s.apply()
	s.clear()
	p := s.state("random_password").Attributes
	first, _ := p["result"].(string)
	if len(first) != 40 || p["id"] != "none" || len(p["bcrypt_hash"].(string)) != 60 {
		t.Errorf("the password is of length %d, id %v", len(first), p["id"])
	}
	s.write(program("2"))
	out, _ := s.terraform("plan")
	contains(t, out, "result = (sensitive value)", "bcrypt_hash = (sensitive value)", "forces replacement")
	lacks(t, out, first)
	s.apply()
	if second := s.state("random_password").Attributes["result"]; second == first {
		t.Error("it is the same password")
	}
}
