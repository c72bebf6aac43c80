//go:build behaviour

package behaviour

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// ownImage makes an image for one test; the second build under the same name is another image.
func ownImage(t *testing.T, name, stamp string) {
	t.Helper()
	folder := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", filepath.Join(folder, "probe"), "./probe").CombinedOutput(); err != nil {
		t.Fatalf("%s", out)
	}
	if _, err := importImage(folder, name, `ENTRYPOINT ["/probe"]`, "LABEL stamp="+stamp); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = exec.Command("docker", "image", "rm", "-f", name).Run() })
}

func imageProgram(keep string) string {
	return "resource \"docker_image\" \"i\" {\n name = \"$:1\"\n keep_locally = " + keep + "\n}\n" +
		`resource "docker_container" "c" {
  name    = "$"
  image   = docker_image.i.image_id
  command = ["stay"]
}
`
}

func TestAnImageThatIsThereIsFoundAndKept(t *testing.T) {
	s := newStack(t)
	ownImage(t, s.name+":1", "1")
	s.write(imageProgram("true"))
	s.apply()
	s.clear()
	i := s.state("docker_image").Attributes
	if i["image_id"] != docker(t, "image", "inspect", "-f", "{{.Id}}", s.name+":1") || i["repo_digest"] != "" {
		t.Errorf("the state has %v", i)
	}
	s.destroy()
	docker(t, "image", "inspect", s.name+":1")
}

func TestAnImageIsRemovedUnlessItIsKept(t *testing.T) {
	s := newStack(t)
	ownImage(t, s.name+":1", "1")
	s.write(imageProgram("false"))
	s.apply()
	s.destroy()
	if exec.Command("docker", "image", "inspect", s.name+":1").Run() == nil {
		t.Error("the image is still there")
	}
}

func TestARebuiltImageReplacesItsContainers(t *testing.T) {
	s := newStack(t)
	ownImage(t, s.name+":1", "1")
	s.write(imageProgram("true"))
	s.apply()
	ownImage(t, s.name+":1", "2")
	s.plans("docker_container.c", "delete,create")
	s.apply()
	s.clear()
}

func TestAMissingImageIsNamedWithTheRemedy(t *testing.T) {
	s := newStack(t).write("resource \"docker_image\" \"i\" { name = \"127.0.0.1:1/$:17.6\" }\n")
	s.applyFails("Unable to read Docker image into resource: unable to pull image 127.0.0.1:1/"+s.name+":17.6",
		"The image is not on this Docker Engine and no registry gave it.", "Build it or load it first")
}

func TestAnImageByNameReplacesTheContainerForEver(t *testing.T) {
	s := newStack(t)
	ownImage(t, s.name+":1", "1")
	s.write("resource \"docker_container\" \"c\" {\n name = \"$\"\n image = \"$:1\"\n command = [\"stay\"]\n}\n")
	s.apply()
	s.plans("docker_container.c", "delete,create")
}
