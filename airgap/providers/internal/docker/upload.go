package docker

import (
	"archive/tar"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"time"
)

const (
	plainMode      = 0o644
	executableMode = 0o744
)

// archive is a tar of the one file, owned by root. Its errors never carry the content.
func (u uploadModel) archive(now time.Time) (*bytes.Buffer, error) {
	content, err := u.bytes()
	if err != nil {
		return nil, err
	}
	mode, err := u.mode()
	if err != nil {
		return nil, err
	}
	var buffer bytes.Buffer
	w := tar.NewWriter(&buffer)
	header := &tar.Header{Name: u.File.ValueString(), Mode: mode, Size: int64(len(content)), ModTime: now}
	if err := w.WriteHeader(header); err != nil {
		return nil, fmt.Errorf("Error creating tar archive: %w", err)
	}
	if _, err := w.Write(content); err != nil {
		return nil, fmt.Errorf("Error creating tar archive: %w", err)
	}
	return &buffer, w.Close()
}

func (u uploadModel) bytes() ([]byte, error) {
	text, encoded := u.Content.ValueString(), u.ContentBase64.ValueString()
	switch {
	case text == "" && encoded == "":
		// As published: an empty file cannot be uploaded.
		return nil, errors.New("error with upload content: one of 'content' or 'content_base64' must be set")
	case text != "" && encoded != "":
		return nil, errors.New("error with upload content: only one of 'content' or 'content_base64' can be set")
	case text != "":
		return []byte(text), nil
	}
	content, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, errors.New("error with upload content: 'content_base64' is not base64")
	}
	return content, nil
}

// mode is permissions, else executable, else read by all.
func (u uploadModel) mode() (int64, error) {
	if p := u.Permissions.ValueString(); p != "" {
		mode, err := strconv.ParseInt(p, 8, 32)
		if err != nil {
			return 0, fmt.Errorf("error with upload permissions: %q is not an octal mode", p)
		}
		return mode, nil
	}
	if u.Executable.ValueBool() {
		return executableMode, nil
	}
	return plainMode, nil
}
