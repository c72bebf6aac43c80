package engine

import (
	"context"
	"io"
	"net/url"
	"strconv"
)

// Config is the part of a container that does not depend on the host.
type Config struct {
	Hostname     string              `json:",omitempty"`
	User         string              `json:",omitempty"`
	Env          []string            `json:",omitempty"`
	Cmd          []string            `json:",omitempty"`
	Entrypoint   []string            `json:",omitempty"`
	Image        string              `json:",omitempty"`
	WorkingDir   string              `json:",omitempty"`
	Labels       map[string]string   `json:",omitempty"`
	ExposedPorts map[string]struct{} `json:",omitempty"`
	Volumes      map[string]struct{} `json:",omitempty"`
	Healthcheck  *Healthcheck        `json:",omitempty"`
	StopSignal   string              `json:",omitempty"`
	StopTimeout  *int64              `json:",omitempty"`
}

// Healthcheck holds durations in nanoseconds, as the engine wants them.
type Healthcheck struct {
	Test        []string `json:",omitempty"`
	Interval    int64    `json:",omitempty"`
	Timeout     int64    `json:",omitempty"`
	StartPeriod int64    `json:",omitempty"`
	Retries     int64    `json:",omitempty"`
}

// HostConfig is how a container is fitted into its host; sizes are in bytes.
type HostConfig struct {
	Resources
	Binds          []string                 `json:",omitempty"`
	CapAdd         []string                 `json:",omitempty"`
	CapDrop        []string                 `json:",omitempty"`
	DeviceRequests []DeviceRequest          `json:",omitempty"`
	Devices        []Device                 `json:",omitempty"`
	ExtraHosts     []string                 `json:",omitempty"`
	GroupAdd       []string                 `json:",omitempty"`
	Init           *bool                    `json:",omitempty"`
	LogConfig      LogConfig                `json:",omitempty"`
	NetworkMode    string                   `json:",omitempty"`
	PidMode        string                   `json:",omitempty"`
	PortBindings   map[string][]PortBinding `json:",omitempty"`
	ReadonlyRootfs bool                     `json:",omitempty"`
	RestartPolicy  RestartPolicy
	SecurityOpt    []string          `json:",omitempty"`
	ShmSize        int64             `json:",omitempty"`
	Tmpfs          map[string]string `json:",omitempty"`
	Ulimits        []Ulimit          `json:",omitempty"`
}

// Resources are the limits that an update can change.
type Resources struct {
	CPUPeriod  int64 `json:"CpuPeriod,omitempty"`
	CPUQuota   int64 `json:"CpuQuota,omitempty"`
	CPUShares  int64 `json:"CpuShares,omitempty"`
	Memory     int64 `json:",omitempty"`
	MemorySwap int64 `json:",omitempty"`
}

// RestartPolicy says when the engine starts a container again.
type RestartPolicy struct {
	Name              string
	MaximumRetryCount int64
}

// LogConfig is the log driver and its options.
type LogConfig struct {
	Type   string            `json:",omitempty"`
	Config map[string]string `json:",omitempty"`
}

// PortBinding is one published address.
type PortBinding struct {
	HostIP   string `json:"HostIp"`
	HostPort string
}

// Ulimit is a resource limit of the kernel.
type Ulimit struct {
	Name       string
	Soft, Hard int64
}

// Device is a device of the host, inside a container.
type Device struct{ PathOnHost, PathInContainer, CgroupPermissions string }

// DeviceRequest asks for devices by capability; Count -1 means all.
type DeviceRequest struct {
	Driver       string
	Count        int
	Capabilities [][]string
}

// Endpoint is a container's place in one network.
type Endpoint struct {
	Aliases             []string `json:",omitempty"`
	IPAddress           string   `json:",omitempty"`
	IPPrefixLen         int64    `json:",omitempty"`
	Gateway             string   `json:",omitempty"`
	GlobalIPv6Address   string   `json:",omitempty"`
	GlobalIPv6PrefixLen int64    `json:",omitempty"`
	IPv6Gateway         string   `json:",omitempty"`
	MacAddress          string   `json:",omitempty"`
}

// Container is what the engine says of a container.
type Container struct {
	ID    string `json:"Id"`
	Name  string
	Image string
	State struct {
		Running  bool
		ExitCode int64
		Health   *struct{ Status string }
	}
	Config          Config
	HostConfig      HostConfig
	NetworkSettings struct {
		Bridge   string
		Ports    map[string][]PortBinding
		Networks map[string]Endpoint
	}
}

// CreateContainer returns the id of the new container.
func (c *Client) CreateContainer(ctx context.Context, name string, config Config, host HostConfig) (string, error) {
	body := struct {
		Config
		HostConfig HostConfig
	}{config, host}
	var out struct {
		ID string `json:"Id"`
	}
	err := c.Call(ctx, "POST", "/containers/create", url.Values{"name": {name}}, body, &out)
	return out.ID, err
}

// InspectContainer reads a container.
func (c *Client) InspectContainer(ctx context.Context, id string) (*Container, error) {
	var out Container
	if err := c.Call(ctx, "GET", "/containers/"+id+"/json", nil, nil, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// StartContainer starts a created or stopped container.
func (c *Client) StartContainer(ctx context.Context, id string) error {
	return c.Call(ctx, "POST", "/containers/"+id+"/start", nil, nil, nil)
}

// StopContainer sends the stop signal, waits so many seconds, then kills.
func (c *Client) StopContainer(ctx context.Context, id string, seconds int64) error {
	return c.Call(ctx, "POST", "/containers/"+id+"/stop", url.Values{"t": {strconv.FormatInt(seconds, 10)}}, nil, nil)
}

// UpdateContainer changes limits and restart policy of a container that exists.
func (c *Client) UpdateContainer(ctx context.Context, id string, limits Resources, restart RestartPolicy) error {
	body := struct {
		Resources
		RestartPolicy RestartPolicy
	}{limits, restart}
	return c.Call(ctx, "POST", "/containers/"+id+"/update", nil, body, nil)
}

// RemoveContainer removes a container with its anonymous volumes, running or not.
func (c *Client) RemoveContainer(ctx context.Context, id string) error {
	return c.Call(ctx, "DELETE", "/containers/"+id, url.Values{"force": {"1"}, "v": {"1"}}, nil, nil)
}

// CopyToContainer unpacks a tar archive at the root of a container.
func (c *Client) CopyToContainer(ctx context.Context, id string, archive io.Reader) error {
	return c.Call(ctx, "PUT", "/containers/"+id+"/archive", url.Values{"path": {"/"}}, archive, nil)
}
