package provider

import (
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// hopeless is a failure that no waiting mends.
type hopeless struct{ error }

// The messages are those of the published provider, which people search for.

func number(o *unstructured.Unstructured, path ...string) int64 {
	n, _, _ := unstructured.NestedInt64(o.Object, path...)
	return n
}

// wanted are the replicas asked for.
func wanted(o *unstructured.Unstructured) int64 {
	if n, found, _ := unstructured.NestedInt64(o.Object, "spec", "replicas"); found {
		return n
	}
	return 1
}

// condition is the condition of a type, or nil.
func condition(o *unstructured.Unstructured, kind string) map[string]any {
	list, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, c := range list {
		if c, ok := c.(map[string]any); ok && c["type"] == kind {
			return c
		}
	}
	return nil
}

func deploymentReady(o *unstructured.Unstructured) error {
	if o.GetGeneration() > number(o, "status", "observedGeneration") {
		return errors.New("Waiting for rollout to start")
	}
	if c := condition(o, "Progressing"); c != nil && c["reason"] == "ProgressDeadlineExceeded" {
		return hopeless{errors.New("Deployment exceeded its progress deadline")}
	}
	replicas, updated := number(o, "status", "replicas"), number(o, "status", "updatedReplicas")
	ready, available := number(o, "status", "readyReplicas"), number(o, "status", "availableReplicas")
	switch {
	case updated < wanted(o):
		return fmt.Errorf("Waiting for rollout to finish: %d out of %d new replicas have been updated...", updated, wanted(o))
	case replicas > updated:
		return fmt.Errorf("Waiting for rollout to finish: %d old replicas are pending termination...", replicas-updated)
	case replicas > ready:
		return fmt.Errorf("Waiting for rollout to finish: %d replicas wanted; %d replicas Ready", replicas, ready)
	case available < updated:
		return fmt.Errorf("Waiting for rollout to finish: %d of %d updated replicas are available...", available, updated)
	}
	return nil
}

func statefulSetReady(o *unstructured.Unstructured) error {
	waiting := fmt.Errorf("StatefulSet %s/%s is not finished rolling out", o.GetNamespace(), o.GetName())
	if strategy, _, _ := unstructured.NestedString(o.Object, "spec", "updateStrategy", "type"); strategy == "OnDelete" {
		if number(o, "status", "readyReplicas") != wanted(o) {
			return waiting
		}
		return nil
	}
	partition := number(o, "spec", "updateStrategy", "rollingUpdate", "partition")
	current, _, _ := unstructured.NestedString(o.Object, "status", "currentRevision")
	update, _, _ := unstructured.NestedString(o.Object, "status", "updateRevision")
	switch {
	case o.GetGeneration() > number(o, "status", "observedGeneration"),
		number(o, "status", "readyReplicas") != wanted(o),
		partition > 0 && number(o, "status", "updatedReplicas") < wanted(o)-partition,
		partition == 0 && current != update:
		return waiting
	}
	return nil
}

func daemonSetReady(o *unstructured.Unstructured) error {
	if o.GetGeneration() > number(o, "status", "observedGeneration") {
		return errors.New("Waiting for rollout to start.")
	}
	desired, ready := number(o, "status", "desiredNumberScheduled"), number(o, "status", "numberReady")
	if desired != ready {
		return fmt.Errorf("Waiting for rollout to finish: %d pods desired; %d pods ready", desired, ready)
	}
	return nil
}

func jobReady(o *unstructured.Unstructured) error {
	name := o.GetNamespace() + "/" + o.GetName()
	if c := condition(o, "Complete"); c != nil && c["status"] == "True" {
		return nil
	}
	if c := condition(o, "Failed"); c != nil && c["status"] == "True" {
		return hopeless{fmt.Errorf("job: %s is in failed state", name)}
	}
	return fmt.Errorf("job: %s is not in complete state", name)
}

func serviceReady(o *unstructured.Unstructured) error {
	if kind, _, _ := unstructured.NestedString(o.Object, "spec", "type"); kind != "LoadBalancer" {
		return nil
	}
	if list, _, _ := unstructured.NestedSlice(o.Object, "status", "loadBalancer", "ingress"); len(list) == 0 {
		return fmt.Errorf("Waiting for service %q to assign IP/hostname for a load balancer", o.GetNamespace()+"/"+o.GetName())
	}
	return nil
}

func ingressReady(o *unstructured.Unstructured) error {
	if list, _, _ := unstructured.NestedSlice(o.Object, "status", "loadBalancer", "ingress"); len(list) == 0 {
		return errors.New("Load Balancer is not ready yet")
	}
	return nil
}

func claimReady(o *unstructured.Unstructured) error {
	phase, _, _ := unstructured.NestedString(o.Object, "status", "phase")
	switch phase {
	case "Bound":
		return nil
	case "Pending", "":
		return fmt.Errorf("timeout while waiting for claim %s/%s to become 'Bound' (last state: 'Pending')", o.GetNamespace(), o.GetName())
	}
	return hopeless{fmt.Errorf("unexpected state '%s' of claim %s/%s, wanted target 'Bound'", phase, o.GetNamespace(), o.GetName())}
}

func secretReady(o *unstructured.Unstructured) error {
	if kind, _, _ := unstructured.NestedString(o.Object, "type"); kind != "kubernetes.io/service-account-token" {
		return nil
	}
	if _, found, _ := unstructured.NestedString(o.Object, "data", "token"); !found {
		return fmt.Errorf("Waiting for secret %q to create service account token", o.GetNamespace()+"/"+o.GetName())
	}
	return nil
}
