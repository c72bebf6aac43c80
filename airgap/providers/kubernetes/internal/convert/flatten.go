package convert

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
)

// Flatten makes Terraform's block of an object of the API. prior is the block as the state has it: some of what the
// cluster adds by itself is told from what was asked for only by that.
func (f Fields) Flatten(object, prior map[string]any) map[string]any {
	out := map[string]any{}
	for name, field := range f {
		seen, present := object[field.JSON]
		if !present || seen == nil {
			// What the API leaves out stands at its default.
			out[name] = field.Default
			continue
		}
		if field.Fields != nil {
			out[name] = field.flattenBlocks(seen, prior[name])
			continue
		}
		out[name] = field.flatten(seen)
	}
	return out
}

func (f *Field) flattenBlocks(seen, prior any) []any {
	before, _ := prior.([]any)
	out := []any{}
	objects, many := seen.([]any)
	if !many {
		objects = []any{seen}
	}
	for i, o := range objects {
		object, _ := o.(map[string]any)
		var had map[string]any
		if i < len(before) {
			had, _ = before[i].(map[string]any)
		}
		// The cluster's own tolerations, and a context that it writes although none was asked for.
		if f.Name == "toleration" && strings.Contains(fmt.Sprint(object["key"]), "node.kubernetes.io/") {
			continue
		}
		if len(object) == 0 && len(before) == 0 && (!f.Pointer && !many || f.Name == "security_context") {
			continue
		}
		block := f.Fields.Flatten(object, had)
		if f.Name == "metadata" {
			ownMetadata(block, had)
		}
		if f.Name == "selector" {
			ownSelector(block)
		}
		out = append(out, block)
	}
	return out
}

func (f *Field) flatten(seen any) any {
	switch f.Kind {
	case "string":
		if n, ok := seen.(int64); ok && f.isMode() {
			return fmt.Sprintf("%04o", n)
		}
		return fmt.Sprint(seen)
	case "number", "bool":
		if text, ok := seen.(string); ok {
			n, _ := strconv.Atoi(text)
			return n
		}
		if n, ok := seen.(int64); ok {
			return int(n)
		}
		return seen
	}
	if object, ok := seen.(map[string]any); ok {
		return f.flattenMap(object)
	}
	list, _ := seen.([]any)
	out := []any{}
	for _, element := range list {
		if n, ok := element.(int64); ok {
			out = append(out, int(n))
			continue
		}
		out = append(out, element)
	}
	return out
}

func (f *Field) flattenMap(object map[string]any) any {
	out := map[string]any{}
	for key, value := range object {
		text := fmt.Sprint(value)
		if f.Type.Elem() == bytesType && f.Name != "binary_data" {
			plain, _ := base64.StdEncoding.DecodeString(text)
			text = string(plain)
		}
		out[key] = text
	}
	return out
}

// ownMetadata takes out the labels and annotations that the cluster has written itself.
func ownMetadata(block, prior map[string]any) {
	for _, kind := range []string{"labels", "annotations"} {
		seen, _ := block[kind].(map[string]any)
		given, _ := prior[kind].(map[string]any)
		for key := range seen {
			if _, ours := given[key]; !ours && isInternal(key) {
				delete(seen, key)
			}
		}
	}
}

// ownSelector takes out the pods' key that the cluster gives a Job.
func ownSelector(block map[string]any) {
	if labels, ok := block["match_labels"].(map[string]any); ok {
		delete(labels, "controller-uid")
	}
}

// isInternal is the published provider's rule.
func isInternal(key string) bool {
	host, _, _ := strings.Cut(key, "/")
	switch {
	case key == "controller-uid" || key == "job-name" || strings.Contains(key, "deprecated.daemonset.template.generation"):
		return true
	case host == "app.kubernetes.io" || host == "service.beta.kubernetes.io":
		return false
	}
	return strings.HasSuffix(host, "kubernetes.io")
}
