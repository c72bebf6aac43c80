package engine

import (
	"context"
	"net/url"
)

// Volume is what the engine says of a volume.
type Volume struct {
	Name       string
	Driver     string
	Mountpoint string
	Labels     map[string]string
	Options    map[string]string
}

// CreateVolume makes a volume, or returns the one of that name that exists.
func (c *Client) CreateVolume(ctx context.Context, v Volume) (*Volume, error) {
	body := map[string]any{"Name": v.Name, "Labels": v.Labels, "DriverOpts": v.Options}
	if v.Driver != "" {
		body["Driver"] = v.Driver
	}
	var out Volume
	if err := c.Call(ctx, "POST", "/volumes/create", nil, body, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// InspectVolume reads a volume.
func (c *Client) InspectVolume(ctx context.Context, name string) (*Volume, error) {
	var out Volume
	if err := c.Call(ctx, "GET", "/volumes/"+name, nil, nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// RemoveVolume removes a volume that no container uses.
func (c *Client) RemoveVolume(ctx context.Context, name string) error {
	return c.Call(ctx, "DELETE", "/volumes/"+name, url.Values{"force": {"1"}}, nil, nil)
}
