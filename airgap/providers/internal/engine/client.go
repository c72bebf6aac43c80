// Package engine speaks the Docker Engine API, as far as the provider needs it.
package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// DefaultHost is where an engine listens unless DOCKER_HOST or the provider's host says otherwise.
const DefaultHost = "unix:///var/run/docker.sock"

// Client talks to one engine. It is safe for concurrent use.
type Client struct {
	host string
	base string
	http *http.Client

	negotiate sync.Mutex
	version   string
}

// Error is an answer of the engine that is not a success.
type Error struct {
	Status  int
	Message string
}

func (e *Error) Error() string { return "Error response from daemon: " + e.Message }

// NotFound tells whether the engine said that the object does not exist.
func NotFound(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Status == http.StatusNotFound
}

// New returns a client for unix:///path or tcp://host:port, without connecting yet.
func New(host string) (*Client, error) {
	if host == "" {
		host = DefaultHost
	}
	if path, ok := strings.CutPrefix(host, "unix://"); ok {
		dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", path)
		}
		return &Client{host: host, base: "http://docker", http: &http.Client{Transport: &http.Transport{DialContext: dial}}}, nil
	}
	if address, ok := strings.CutPrefix(host, "tcp://"); ok {
		return &Client{host: host, base: "http://" + address, http: &http.Client{Transport: &http.Transport{}}}, nil
	}
	return nil, fmt.Errorf("host %q is neither unix:///path nor tcp://host:port", host)
}

// Ping connects, and agrees on the version of the API.
func (c *Client) Ping(ctx context.Context) error {
	_, err := c.agreed(ctx)
	return err
}

func (c *Client) agreed(ctx context.Context) (string, error) {
	c.negotiate.Lock()
	defer c.negotiate.Unlock()
	if c.version != "" {
		return c.version, nil
	}
	var v struct {
		APIVersion    string `json:"ApiVersion"`
		MinAPIVersion string
	}
	res, err := c.send(ctx, "GET", "/version", nil, nil)
	if err == nil {
		defer res.Body.Close()
		err = json.NewDecoder(res.Body).Decode(&v)
	}
	if err != nil {
		return "", fmt.Errorf("Cannot connect to the Docker daemon at %s. Is the docker daemon running? (%w)", c.host, err)
	}
	c.version = chooseVersion(v.MinAPIVersion, v.APIVersion)
	return c.version, nil
}

// Call sends body as JSON (or as a tar archive, when it is an io.Reader) and decodes the answer into out, if any.
func (c *Client) Call(ctx context.Context, method, path string, query url.Values, body, out any) error {
	res, err := c.Stream(ctx, method, path, query, body)
	if err != nil {
		return err
	}
	defer res.Close()
	if out == nil {
		_, err = io.Copy(io.Discard, res)
		return err
	}
	return json.NewDecoder(res).Decode(out)
}

// Stream is Call for answers that arrive piecemeal; the caller closes it.
func (c *Client) Stream(ctx context.Context, method, path string, query url.Values, body any) (io.ReadCloser, error) {
	version, err := c.agreed(ctx)
	if err != nil {
		return nil, err
	}
	res, err := c.send(ctx, method, "/v"+version+path, query, body)
	if err != nil {
		return nil, err
	}
	return res.Body, nil
}

func (c *Client) send(ctx context.Context, method, path string, query url.Values, body any) (*http.Response, error) {
	var content io.Reader
	kind := "application/json"
	switch b := body.(type) {
	case nil:
	case io.Reader:
		content, kind = b, "application/x-tar"
	default:
		encoded, err := json.Marshal(b)
		if err != nil {
			return nil, err
		}
		content = bytes.NewReader(encoded)
	}
	address := c.base + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, address, content)
	if err != nil {
		return nil, err
	}
	if content != nil {
		req.Header.Set("Content-Type", kind)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode >= 400 {
		defer res.Body.Close()
		return nil, failure(res)
	}
	return res, nil
}

func failure(res *http.Response) error {
	raw, _ := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	var answer struct{ Message string }
	if json.Unmarshal(raw, &answer) != nil || answer.Message == "" {
		answer.Message = strings.TrimSpace(string(raw))
	}
	if answer.Message == "" {
		answer.Message = res.Status
	}
	return &Error{Status: res.StatusCode, Message: answer.Message}
}
