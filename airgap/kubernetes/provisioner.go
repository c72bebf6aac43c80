package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"
)

const (
	provisionerName = "airgap.local/directory"
	// Set by the scheduler once a pod that wants the claim has been given a node.
	selectedNode  = "volume.kubernetes.io/selected-node"
	provisionedBy = "pv.kubernetes.io/provisioned-by"
)

// provisioner makes a directory and a local volume for every claim of its classes, and deletes both when the claim is
// deleted. It looks anew twice a second: with one node and one API server at hand, that is cheaper than being clever.
type provisioner struct {
	client kubernetes.Interface
	root   string
}

func newProvisionerCommand() *cobra.Command {
	var kubeconfig, root string
	command := &cobra.Command{
		Use:  "local-provisioner",
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
			if err != nil {
				return err
			}
			client, err := kubernetes.NewForConfig(config)
			if err != nil {
				return err
			}
			p := provisioner{client: client, root: root}
			for {
				if err := p.reconcile(command.Context()); err != nil {
					klog.ErrorS(err, "Not every volume could be seen to")
				}
				time.Sleep(500 * time.Millisecond)
			}
		},
	}
	command.Flags().StringVar(&kubeconfig, "kubeconfig", "", "the cluster and who this is there")
	command.Flags().StringVar(&root, "directory", "", "where the volumes' directories lie, absolute")
	return command
}

func (p provisioner) reconcile(ctx context.Context) error {
	classes, err := p.client.StorageV1().StorageClasses().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	reclaim := map[string]corev1.PersistentVolumeReclaimPolicy{}
	for _, class := range classes.Items {
		if class.Provisioner == provisionerName {
			reclaim[class.Name] = *class.ReclaimPolicy
		}
	}
	claims, err := p.client.CoreV1().PersistentVolumeClaims("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	var problems []error
	for _, claim := range claims.Items {
		policy, ours := reclaim[ptr.Deref(claim.Spec.StorageClassName, "")]
		if ours && claim.Spec.VolumeName == "" && claim.Annotations[selectedNode] != "" {
			problems = append(problems, p.provision(ctx, claim, policy))
		}
	}
	volumes, err := p.client.CoreV1().PersistentVolumes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for _, volume := range volumes.Items {
		if volume.Annotations[provisionedBy] == provisionerName && volume.Status.Phase == corev1.VolumeReleased &&
			volume.Spec.PersistentVolumeReclaimPolicy == corev1.PersistentVolumeReclaimDelete {
			problems = append(problems, p.remove(ctx, volume))
		}
	}
	return errors.Join(problems...)
}

func (p provisioner) provision(
	ctx context.Context, claim corev1.PersistentVolumeClaim, policy corev1.PersistentVolumeReclaimPolicy,
) error {
	name := "pvc-" + string(claim.UID)
	directory := filepath.Join(p.root, name)
	if err := os.MkdirAll(directory, 0o777); err != nil {
		return err
	}
	// Whatever user a pod runs as may write, with fsGroup or without; MkdirAll alone would obey the umask.
	if err := os.Chmod(directory, 0o777); err != nil {
		return err
	}
	volume := &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{provisionedBy: provisionerName}},
		Spec: corev1.PersistentVolumeSpec{
			AccessModes: claim.Spec.AccessModes,
			Capacity: corev1.ResourceList{
				corev1.ResourceStorage: claim.Spec.Resources.Requests[corev1.ResourceStorage],
			},
			PersistentVolumeReclaimPolicy: policy,
			StorageClassName:              *claim.Spec.StorageClassName,
			VolumeMode:                    ptr.To(corev1.PersistentVolumeFilesystem),
			PersistentVolumeSource:        corev1.PersistentVolumeSource{Local: &corev1.LocalVolumeSource{Path: directory}},
			ClaimRef: &corev1.ObjectReference{
				APIVersion: "v1", Kind: "PersistentVolumeClaim", Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID,
			},
			NodeAffinity: &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{
				NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchExpressions: []corev1.NodeSelectorRequirement{{
					Key: corev1.LabelHostname, Operator: corev1.NodeSelectorOpIn, Values: []string{claim.Annotations[selectedNode]},
				}}}},
			}},
		},
	}
	_, err := p.client.CoreV1().PersistentVolumes().Create(ctx, volume, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) { // not bound yet, that is all
		return nil
	}
	if err == nil {
		klog.InfoS("Made a volume", "volume", name, "claim", claim.Namespace+"/"+claim.Name)
	}
	return err
}

func (p provisioner) remove(ctx context.Context, volume corev1.PersistentVolume) error {
	directory := volume.Spec.Local.Path
	if filepath.Dir(directory) != p.root {
		return fmt.Errorf("%s lies outside %s and is not deleted", directory, p.root)
	}
	if err := os.RemoveAll(directory); err != nil {
		return err
	}
	err := p.client.CoreV1().PersistentVolumes().Delete(ctx, volume.Name, metav1.DeleteOptions{})
	if err == nil {
		klog.InfoS("Deleted a volume and its data", "volume", volume.Name)
	}
	return err
}
