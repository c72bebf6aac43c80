package docker

import (
	"slices"
	"strings"
)

// everyCapability stands for all of them, and makes naming others beside it pointless.
const everyCapability = "ALL"

// canonicalCapabilities writes capabilities as the published provider's client does before it sends them: NET_ADMIN
// comes back as CAP_NET_ADMIN, which the plan then calls a change.
func canonicalCapabilities(names []string) []string {
	out := []string{}
	for _, name := range names {
		name = strings.ToUpper(strings.TrimSpace(name))
		if name == everyCapability {
			return []string{everyCapability}
		}
		if !strings.HasPrefix(name, "CAP_") {
			name = "CAP_" + name
		}
		out = append(out, name)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
