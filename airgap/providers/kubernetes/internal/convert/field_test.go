package convert

import (
	"reflect"
	"strings"
	"testing"

	"airgap.local/cdktf-mlops/providers/kubernetes/internal/published"
)

func TestEveryArgumentHasItsPlaceInTheAPI(t *testing.T) {
	for name, r := range published.Resources() {
		api, ok := Types[name]
		if !ok {
			t.Errorf("%s: no type of the API", name)
			continue
		}
		if _, err := Bind(r.Block, reflect.TypeOf(api), IsControl); err != nil {
			t.Errorf("%s%s", name, strings.TrimPrefix(err.Error(), "."))
		}
	}
}
