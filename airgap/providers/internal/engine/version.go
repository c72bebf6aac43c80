package engine

import (
	"strconv"
	"strings"
)

// written is the version of the API that this client was written for (Docker Engine 20.10).
const written = "1.41"

// chooseVersion stays with the version that the client was written for, and moves only as far as the engine demands:
// down to what an older engine knows, up to the least that a newer one still serves.
func chooseVersion(least, most string) string {
	switch {
	case most != "" && versionLess(most, written):
		return most
	case least != "" && versionLess(written, least):
		return least
	}
	return written
}

func versionLess(a, b string) bool {
	aMajor, aMinor := versionParts(a)
	bMajor, bMinor := versionParts(b)
	if aMajor != bMajor {
		return aMajor < bMajor
	}
	return aMinor < bMinor
}

func versionParts(v string) (major, minor int) {
	head, tail, _ := strings.Cut(v, ".")
	major, _ = strconv.Atoi(head)
	minor, _ = strconv.Atoi(tail)
	return major, minor
}
