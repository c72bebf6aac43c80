package random

import (
	"slices"
	"strings"
	"testing"

	"airgap.local/cdktf-mlops/providers/internal/prototest"
)

func TestPasswordsHaveTheirLengthAndAlphabet(t *testing.T) {
	seen := ""
	for range 50 {
		plain, err := generate(40, false)
		if err != nil || len(plain) != 40 || strings.ContainsAny(plain, special) {
			t.Fatalf("%d characters, %v", len(plain), err)
		}
		rich, _ := generate(40, true)
		seen += plain + rich
	}
	for _, c := range letters + special {
		if !strings.ContainsRune(seen, c) {
			t.Errorf("%c never comes", c)
		}
	}
}

func TestEveryInputReplacesAPassword(t *testing.T) {
	server := prototest.New(t, New("0.1.0"))
	config := func() prototest.Object {
		return prototest.Object{"length": 8, "special": true, "keepers": prototest.Object{"a": "1"}}
	}
	state := config()
	state["id"], state["result"], state["bcrypt_hash"] = "none", "x", "y"
	if replaces, _ := server.Plan("random_password", state, config()); len(replaces) != 0 {
		t.Errorf("nothing changes, and %v replaces", replaces)
	}
	for key, value := range map[string]any{"length": 9, "special": false, "keepers": prototest.Object{"a": "2"}} {
		changed := config()
		changed[key] = value
		if replaces, _ := server.Plan("random_password", state, changed); !slices.Contains(replaces, key) {
			t.Errorf("%s does not replace", key)
		}
	}
	if problems := server.Validate("random_password", prototest.Object{"length": 0}); len(problems) != 1 {
		t.Errorf("%q", problems)
	}
}
