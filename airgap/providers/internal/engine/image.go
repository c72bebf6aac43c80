package engine

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"strings"
)

// Image is what the engine says of an image.
type Image struct {
	ID          string `json:"Id"`
	RepoDigests []string
}

// InspectImage reads an image by name or id.
func (c *Client) InspectImage(ctx context.Context, name string) (*Image, error) {
	var out Image
	if err := c.Call(ctx, "GET", "/images/"+name+"/json", nil, nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// PullImage has the engine fetch an image, without credentials, and waits for it.
func (c *Client) PullImage(ctx context.Context, name string) error {
	query := url.Values{"fromImage": {name}}
	if !strings.Contains(name[strings.LastIndex(name, "/")+1:], ":") {
		query.Set("tag", "latest") // without a tag the engine would fetch every one
	}
	stream, err := c.Stream(ctx, "POST", "/images/create", query, nil)
	if err != nil {
		return err
	}
	defer stream.Close()
	// The engine answers 200 at once and reports what goes wrong in the stream.
	for decoder := json.NewDecoder(stream); ; {
		var message struct{ Error string }
		if err := decoder.Decode(&message); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if message.Error != "" {
			return errors.New(message.Error)
		}
	}
}

// RemoveImage takes a name off an image, and removes the image with its last name.
func (c *Client) RemoveImage(ctx context.Context, name string) error {
	return c.Call(ctx, "DELETE", "/images/"+name, nil, nil, nil)
}
