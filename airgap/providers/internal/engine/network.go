package engine

import "context"

// Network is what the engine says of a network.
type Network struct {
	ID       string `json:"Id"`
	Name     string
	Driver   string
	Internal bool
	Labels   map[string]string
}

// CreateNetwork returns the id of the new network; a name that is taken is refused.
func (c *Client) CreateNetwork(ctx context.Context, n Network) (string, error) {
	body := map[string]any{"Name": n.Name, "Internal": n.Internal, "Labels": n.Labels, "CheckDuplicate": true}
	if n.Driver != "" {
		body["Driver"] = n.Driver
	}
	var out struct {
		ID string `json:"Id"`
	}
	err := c.Call(ctx, "POST", "/networks/create", nil, body, &out)
	return out.ID, err
}

// InspectNetwork reads a network.
func (c *Client) InspectNetwork(ctx context.Context, id string) (*Network, error) {
	var out Network
	if err := c.Call(ctx, "GET", "/networks/"+id, nil, nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// RemoveNetwork removes a network that no container is in.
func (c *Client) RemoveNetwork(ctx context.Context, id string) error {
	return c.Call(ctx, "DELETE", "/networks/"+id, nil, nil, nil)
}

// Connect puts a container into a network, under further names.
func (c *Client) Connect(ctx context.Context, network, container string, aliases []string) error {
	body := map[string]any{"Container": container, "EndpointConfig": Endpoint{Aliases: aliases}}
	return c.Call(ctx, "POST", "/networks/"+network+"/connect", nil, body, nil)
}

// Disconnect takes a container out of a network.
func (c *Client) Disconnect(ctx context.Context, network, container string) error {
	body := map[string]any{"Container": container}
	return c.Call(ctx, "POST", "/networks/"+network+"/disconnect", nil, body, nil)
}
