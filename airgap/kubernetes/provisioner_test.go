package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/utils/ptr"
)

var class = &storagev1.StorageClass{
	ObjectMeta:    metav1.ObjectMeta{Name: "local"},
	Provisioner:   provisionerName,
	ReclaimPolicy: ptr.To(corev1.PersistentVolumeReclaimDelete),
}

func claim(class string, annotations map[string]string) *corev1.PersistentVolumeClaim {
	return &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: "data", UID: "1", Annotations: annotations},
		Spec: corev1.PersistentVolumeClaimSpec{
			StorageClassName: ptr.To(class),
			Resources: corev1.VolumeResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")},
			},
		},
	}
}

// released is a volume whose claim is gone.
func released(path, provisioner string) *corev1.PersistentVolume {
	return &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: "pvc-1", Annotations: map[string]string{provisionedBy: provisioner}},
		Spec: corev1.PersistentVolumeSpec{
			PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimDelete,
			PersistentVolumeSource:        corev1.PersistentVolumeSource{Local: &corev1.LocalVolumeSource{Path: path}},
		},
		Status: corev1.PersistentVolumeStatus{Phase: corev1.VolumeReleased},
	}
}

// reconcile looks once, and returns the volumes that there are then.
func reconcile(t *testing.T, root string, objects ...runtime.Object) ([]corev1.PersistentVolume, error) {
	t.Helper()
	client := fake.NewClientset(append(objects, class)...)
	err := provisioner{client: client, root: root}.reconcile(context.Background())
	volumes, listed := client.CoreV1().PersistentVolumes().List(context.Background(), metav1.ListOptions{})
	if listed != nil {
		t.Fatal(listed)
	}
	return volumes.Items, err
}

func TestMakesADirectoryForEveryUserOnTheChosenNode(t *testing.T) {
	root := t.TempDir()
	volumes, err := reconcile(t, root, claim("local", map[string]string{selectedNode: "node"}))
	if err != nil || len(volumes) != 1 {
		t.Fatalf("got %d volumes, %v", len(volumes), err)
	}
	spec := volumes[0].Spec
	if spec.ClaimRef.Name != "data" || spec.ClaimRef.UID != "1" || spec.PersistentVolumeReclaimPolicy != "Delete" {
		t.Errorf("got %+v", spec)
	}
	if node := spec.NodeAffinity.Required.NodeSelectorTerms[0].MatchExpressions[0].Values[0]; node != "node" {
		t.Errorf("got node %q", node)
	}
	info, err := os.Stat(filepath.Join(root, "pvc-1"))
	if err != nil || info.Mode().Perm() != 0o777 {
		t.Errorf("got %v, %v", info, err)
	}
}

func TestWaitsForAPodAndLeavesOtherClassesAlone(t *testing.T) {
	for name, waiting := range map[string]*corev1.PersistentVolumeClaim{
		"no node yet": claim("local", nil),
		"other class": claim("other", map[string]string{selectedNode: "node"}),
	} {
		if volumes, err := reconcile(t, t.TempDir(), waiting); err != nil || len(volumes) != 0 {
			t.Errorf("%s: got %v, %v", name, volumes, err)
		}
	}
}

func TestDeletesAReleasedVolumeWithItsData(t *testing.T) {
	root := t.TempDir()
	directory := filepath.Join(root, "pvc-1")
	if err := os.MkdirAll(filepath.Join(directory, "data"), 0o777); err != nil {
		t.Fatal(err)
	}
	if volumes, err := reconcile(t, root, released(directory, provisionerName)); err != nil || len(volumes) != 0 {
		t.Errorf("got %v, %v", volumes, err)
	}
	if _, err := os.Stat(directory); !os.IsNotExist(err) {
		t.Errorf("the data is still there: %v", err)
	}
}

func TestDeletesNothingThatIsNotItsOwn(t *testing.T) {
	elsewhere := t.TempDir()
	if volumes, err := reconcile(t, t.TempDir(), released(elsewhere, "other")); err != nil || len(volumes) != 1 {
		t.Errorf("got %v, %v", volumes, err)
	}
	_, err := reconcile(t, t.TempDir(), released(elsewhere, provisionerName))
	if err == nil || !strings.Contains(err.Error(), elsewhere) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(elsewhere); err != nil {
		t.Error(err)
	}
}
